//! The tricks, one file a family.

mod daemons;
mod grace;
mod groups;
mod holders;
mod images;
mod names;
mod parents;
mod rabbits;
mod respawners;
mod shapes;
mod shells;
mod spaces;
mod stubborn;
mod threads;

use crate::crew::Crew;
use crate::options::Part;
use fell_testkit::Trick;
use std::time::Duration;

/// Plays the part that the options name.
pub(crate) fn play(crew: &'static Crew) {
    match crew.options.part {
        Part::Leaf => crew.settle(),
        Part::Hop => images::hop(crew),
        Part::ThreadedHop => images::threaded_hop(crew),
        Part::Disguised => daemons::disguised(crew),
        Part::Trick(trick) if crew.options.leave => {
            crew.must_fork("stem", move |crew| play_trick(crew, trick));
            let all_ready = |page: &fell_testkit::Page| page.failed() != 0 || page.ready() >= page.expected();
            crew.ledger.wait_until(Duration::from_secs(60), all_ready, || false);
        }
        Part::Trick(trick) => play_trick(crew, trick),
    }
}

fn play_trick(crew: &'static Crew, trick: Trick) {
    match trick {
        Trick::Plain => crew.settle(),
        Trick::DeepChain => shapes::chain(crew, crew.count()),
        Trick::Wide => shapes::wide(crew),
        Trick::Bushy => shapes::bushy(crew, 3),
        Trick::ShellBackground => shells::background(crew),
        Trick::ShellPipeline => shells::pipeline(crew),
        Trick::ShellLeaves => shells::leaves(crew),
        Trick::IgnoreTerm => stubborn::ignore_term(crew),
        Trick::IgnoreAll => stubborn::ignore_all(crew),
        Trick::BlockAll => stubborn::block_all(crew),
        Trick::Stopped => stubborn::stopped(crew),
        Trick::StopThenIgnoreTerm => stubborn::stop_then_ignore(crew),
        Trick::LeaderObeysMemberIgnores => stubborn::member_ignores(crew),
        Trick::Spinners => stubborn::spinners(crew),
        Trick::OwnGroup => groups::own_group(crew),
        Trick::OwnSession | Trick::PipeHolder => groups::own_session(crew),
        Trick::CallersGroup => groups::callers_group(crew),
        Trick::DoubleFork => daemons::orphan(crew, 1),
        Trick::TripleFork => daemons::orphan(crew, 2),
        Trick::FullDaemon => daemons::full(crew),
        Trick::DisguisedDaemon => daemons::disguise(crew),
        Trick::LoneDaemon => daemons::lone(crew),
        Trick::ParentExitsFirst => daemons::parent_exits(crew),
        Trick::ForksOnTerm => respawners::forks_on_term(crew),
        Trick::HeirOnTerm => respawners::heir_on_term(crew),
        Trick::Respawner => respawners::respawner(crew),
        Trick::MutualRespawners => respawners::mutual(crew),
        Trick::BoundedBomb => respawners::bomb(crew),
        Trick::Rabbit => rabbits::rabbit(crew, false),
        Trick::RabbitSessions => rabbits::below_root(crew, 1, true),
        Trick::RabbitHerd => rabbits::below_root(crew, crew.count(), false),
        Trick::ExecLoop => images::exec_loop(crew, "hop"),
        Trick::ThreadsThatFork => threads::that_fork(crew, true),
        Trick::ThreadForksAndExits => threads::that_fork(crew, false),
        Trick::ThreadLeaderExits => threads::leader_exits(crew),
        Trick::ZombieFactory => parents::zombies(crew),
        Trick::VforkWait => parents::vfork_wait(crew),
        Trick::SigchldIgnored => parents::sigchld_ignored(crew),
        Trick::Churn => rabbits::churn(crew),
        Trick::Undumpable => parents::undumpable(crew),
        Trick::Restopper => stubborn::restopper(crew),
        Trick::RabbitOnTerm => rabbits::on_term(crew),
        Trick::LateDaemons => rabbits::late_daemons(crew),
        Trick::ThreadedExecLoop => images::exec_loop(crew, "threaded-hop"),
        Trick::MemfdImage => images::memfd(crew),
        Trick::PidnsOrphan => spaces::pid_namespace_orphan(crew),
        Trick::Ptraced => parents::ptraced(crew),
        Trick::IntermediateSubreaper => parents::subreaper(crew),
        Trick::CloneParent => parents::sibling(crew),
        Trick::ClearedPdeathsig => parents::cleared_pdeathsig(crew),
        Trick::OtherUid => spaces::other_uid(crew),
        Trick::PidnsChild => spaces::pid_namespace(crew, libc::CLONE_NEWPID),
        Trick::UserPidnsChild => {
            spaces::pid_namespace(crew, libc::CLONE_NEWUSER | libc::CLONE_NEWPID);
        }
        Trick::OtherCgroup => spaces::other_cgroup(crew),
        Trick::Frozen => spaces::frozen(crew),
        Trick::PortListener => holders::port(crew),
        Trick::LockHolder => holders::lock(crew),
        Trick::Graceful => grace::graceful(crew),
        Trick::GracefulTree => grace::tree(crew),
        Trick::GracefulDaemon => grace::daemon(crew),
        Trick::GracefulStopped => grace::stopped(crew),
        Trick::EvilComm => names::evil(crew),
        Trick::Bystander => stubborn::bystander(crew),
    }
}
