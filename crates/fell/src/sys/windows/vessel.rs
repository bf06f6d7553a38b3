//! What holds a run: a job that its command is born in.

use super::command::{block, find, line, terminated};
use super::job::Job;
use super::pump::Pump;
use super::{
    BorrowedDescriptor, WindowsHandle, check, handle, last_error, probe, process, raw, status::status_from_raw, stdio,
    wait_any,
};
use crate::id::{Birth, ProcessId};
use crate::pid::Pid;
use crate::sys::{Enclosure, Handle};
use std::ffi::{OsString, c_void};
use std::io;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::process::ExitStatus;
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_SUSPENDED, CREATE_UNICODE_ENVIRONMENT, CreateProcessW,
    DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT, GetExitCodeProcess, InitializeProcThreadAttributeList,
    PROC_THREAD_ATTRIBUTE_HANDLE_LIST, PROC_THREAD_ATTRIBUTE_JOB_LIST, PROCESS_CREATION_FLAGS, PROCESS_INFORMATION,
    ResumeThread, STARTF_USESTDHANDLES, STARTUPINFOEXW, TerminateProcess, UpdateProcThreadAttribute,
};

/// A command, ready to be started.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: Option<OsString>,
    /// `None` is the caller's own.
    pub(crate) stdio: [Option<OwnedHandle>; 3],
}

/// Why a command was not started.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// There is no such program.
    NotFound,
    /// It is there, and can't be started.
    NotExecutable(io::Error),
    /// Something else failed.
    Failed(&'static str, io::Error),
}

/// A run's processes, held together by a job where one is to be had.
#[derive(Debug)]
pub(crate) struct Vessel {
    job: Option<Job>,
    process: OwnedHandle,
    pid: Pid,
}

/// The primary thread is needed to resume what was started suspended.
struct Started {
    process: OwnedHandle,
    thread: OwnedHandle,
    pid: Pid,
}

impl Vessel {
    /// Whether the kernel itself holds the run.
    pub(crate) const IS_JOB: bool = true;

    /// Starts a command, in a job of its own if `wants_job`. Also gives why there is none although one was wanted.
    ///
    /// It is born in the job. Where the system refuses that, as inside of some jobs of others, it is started suspended,
    /// put into the job, and resumed.
    ///
    /// # Errors
    ///
    /// As [`LaunchError`] lists them. Nothing runs then.
    pub(crate) fn launch(command: &Command, wants_job: bool) -> Result<(Vessel, Option<io::Error>), LaunchError> {
        let path = command.environment.iter().find(|(name, _)| name.eq_ignore_ascii_case("PATH"));
        let program = find(&command.program, path.map(|(_, value)| value.as_os_str())).ok_or(LaunchError::NotFound)?;
        let (program, line) = line(&program, &command.args).map_err(LaunchError::NotExecutable)?;
        let make = Attempt { command, program, line };
        let (job, why) = match wants_job.then(Job::create) {
            None => (None, None),
            Some(Ok(job)) => (Some(job), None),
            Some(Err(error)) => (None, Some(error)),
        };
        let Some(job) = job else {
            let Started { process, pid, .. } = make.start(None, 0)?;
            return Ok((Vessel { job: None, process, pid }, why));
        };
        match make.start(Some(&job), 0) {
            Ok(Started { process, pid, .. }) => match ensure(&job, &process) {
                Ok(()) => Ok((Vessel { job: Some(job), process, pid }, None)),
                Err(error) => Ok((Vessel { job: None, process, pid }, Some(error))),
            },
            Err(LaunchError::NotExecutable(error)) if may_be_the_job(&error) => {
                let Started { process, thread, pid } = make.start(None, CREATE_SUSPENDED)?;
                let assigned = job.assign(&process);
                // SAFETY: an open handle on the thread, which was started suspended.
                if unsafe { ResumeThread(raw(&thread)) } == u32::MAX {
                    let error = last_error();
                    // SAFETY: an open handle on our own child, which has not run at all.
                    unsafe { TerminateProcess(raw(&process), handle::KILLED) };
                    return Err(LaunchError::Failed("resuming the command", error));
                }
                Ok(match assigned {
                    Ok(()) => (Vessel { job: Some(job), process, pid }, None),
                    Err(error) => (Vessel { job: None, process, pid }, Some(error)),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Who the command is. Its PID goes to nobody else while this holds it.
    pub(crate) fn command(&self) -> ProcessId {
        let start = process::times(&self.process).map(|times| times.start);
        ProcessId { pid: self.pid, birth: Birth { start, inode: None } }
    }

    /// How the command has ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        if !handle::has_ended(&self.process) {
            return None;
        }
        let mut code = 0;
        // SAFETY: an open handle, and a number to write to.
        check(unsafe { GetExitCodeProcess(raw(&self.process), &raw mut code) }).ok()?;
        Some(status_from_raw(code.cast_signed()))
    }

    /// Whether nothing of the run is alive.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        match &self.job {
            Some(job) => Ok(job.active()? == 0),
            None => Ok(handle::has_ended(&self.process)),
        }
    }

    /// Who is alive of the run: the command alone, where no job tells.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn members(&self) -> io::Result<Vec<Pid>> {
        match &self.job {
            Some(job) => job.pids(),
            None => Ok(vec![self.pid]),
        }
    }

    /// Whether a process that is held belongs to the run.
    pub(crate) fn holds(&self, member: &WindowsHandle) -> bool {
        match &self.job {
            // Wine wants more rights for the question: while it is held and alive, its PID is its own.
            Some(job) => job.holds(member.process()).unwrap_or_else(|_| {
                !member.has_ended() && job.pids().is_ok_and(|pids| pids.contains(&member.id().pid))
            }),
            None => member.id().pid == self.pid,
        }
    }

    /// Asks all of the run that share the command's console to end, by Ctrl-Break. Gives whether they were asked.
    pub(crate) fn ask(&self) -> bool {
        // Wine takes the event and hands it to nobody.
        if probe::is_wine() {
            return false;
        }
        // SAFETY: plain numbers. The command leads a group of its own, so that no other process is asked.
        check(unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, self.pid.get()) }).is_ok()
    }

    /// The means to end the whole run at once; `None` where there is none.
    ///
    /// # Errors
    ///
    /// No handle is left.
    pub(crate) fn enclosure(&self) -> io::Result<Option<Box<dyn Enclosure + Send>>> {
        self.job.as_ref().map(Job::enclosure).transpose()
    }

    /// Lets what is alive of the run live on.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn release(&self) -> io::Result<()> {
        self.job.as_ref().map_or(Ok(()), Job::disband)
    }

    /// The job alone: the command's PID may then be given away.
    #[cfg(test)]
    pub(super) fn into_job(self) -> Option<Job> {
        self.job
    }

    /// Waits for the end of the command, for output, for `wake`, or until the time is over. `true` if it was `wake`.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        wake: Option<BorrowedDescriptor<'_>>,
        pumps: &[Pump],
        for_command: bool,
    ) -> bool {
        let mut handles = Vec::new();
        handles.extend(wake.as_ref().map(raw));
        handles.extend(for_command.then(|| raw(&self.process)));
        handles.extend(pumps.iter().filter_map(Pump::event));
        wait_any(&handles, timeout) == Some(0) && wake.is_some()
    }
}

/// The system was asked to let the process be born in the job; a system that did not understand has not done it.
fn ensure(job: &Job, process: &OwnedHandle) -> io::Result<()> {
    if job.holds(process)? || handle::has_ended(process) { Ok(()) } else { job.assign(process) }
}

fn may_be_the_job(error: &io::Error) -> bool {
    [ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED]
        .iter()
        .any(|code| error.raw_os_error() == Some(code.cast_signed()))
}

/// What every try to start the command takes.
struct Attempt<'a> {
    command: &'a Command,
    program: Vec<u16>,
    line: Vec<u16>,
}

impl Attempt<'_> {
    fn start(&self, job: Option<&Job>, flags: PROCESS_CREATION_FLAGS) -> Result<Started, LaunchError> {
        let setup = |source| LaunchError::Failed("connecting the command's input and output", source);
        let streams = self.streams().map_err(setup)?;
        let handles = streams.each_ref().map(|stream| stream.as_ref().map_or(INVALID_HANDLE_VALUE, stdio::number));
        let mut inherited: Vec<HANDLE> = streams.iter().flatten().map(stdio::number).collect();
        let mut jobs: Vec<HANDLE> = job.iter().map(|job| raw(job.handle())).collect();
        let preparing = |source| LaunchError::Failed("preparing the command", source);
        let mut attributes = Attributes::new(2).map_err(preparing)?;
        if !inherited.is_empty() {
            attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &mut inherited).map_err(preparing)?;
        }
        if !jobs.is_empty() {
            attributes.set(PROC_THREAD_ATTRIBUTE_JOB_LIST, &mut jobs).map_err(LaunchError::NotExecutable)?;
        }
        let mut startup = STARTUPINFOEXW::default();
        startup.StartupInfo.cb = u32::try_from(size_of::<STARTUPINFOEXW>()).unwrap_or(0);
        startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
        [startup.StartupInfo.hStdInput, startup.StartupInfo.hStdOutput, startup.StartupInfo.hStdError] = handles;
        startup.lpAttributeList = attributes.list();
        let environment = block(&self.command.environment);
        let directory = self.command.directory.as_deref().map(terminated);
        let mut line = self.line.clone();
        let mut started = PROCESS_INFORMATION::default();
        let flags = flags | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT | CREATE_NEW_PROCESS_GROUP;
        // SAFETY: all texts end with 0 and, with the lists behind the attributes, live during the call; the line may be
        // written to; the environment is a block of the kind that the flags tell.
        let done = check(unsafe {
            CreateProcessW(
                self.program.as_ptr(),
                line.as_mut_ptr(),
                std::ptr::null(),
                std::ptr::null(),
                i32::from(!inherited.is_empty()),
                flags,
                environment.as_ptr().cast::<c_void>(),
                directory.as_ref().map_or(std::ptr::null(), |directory| directory.as_ptr()),
                (&raw const startup).cast(),
                &raw mut started,
            )
        });
        done.map_err(LaunchError::NotExecutable)?;
        // SAFETY: the system has just given us these two handles, and nobody else has them.
        let (process, thread) =
            unsafe { (OwnedHandle::from_raw_handle(started.hProcess), OwnedHandle::from_raw_handle(started.hThread)) };
        let no_pid = || LaunchError::Failed("starting the command", io::Error::other("it has no PID"));
        Ok(Started { process, thread, pid: Pid::new(started.dwProcessId).ok_or_else(no_pid)? })
    }

    /// The three streams as the child inherits them; `None` where the caller has none.
    fn streams(&self) -> io::Result<[Option<OwnedHandle>; 3]> {
        let mut streams = [None, None, None];
        for ((stream, given), which) in streams.iter_mut().zip(&self.command.stdio).zip(stdio::STREAMS) {
            let handle = given.as_ref().map(stdio::number).or_else(|| stdio::standard(which));
            *stream = handle.map(stdio::inheritable).transpose()?;
        }
        Ok(streams)
    }
}

/// A list of what a process is to be started with beyond the ordinary.
struct Attributes(Vec<usize>);

impl Attributes {
    fn new(count: u32) -> io::Result<Attributes> {
        let mut size = 0;
        // SAFETY: no list asks for its size alone, which is told by a failure.
        unsafe { InitializeProcThreadAttributeList(std::ptr::null_mut(), count, 0, &raw mut size) };
        let mut attributes = Attributes(vec![0; size.div_ceil(size_of::<usize>()).max(1)]);
        // SAFETY: room of the size that was told.
        check(unsafe { InitializeProcThreadAttributeList(attributes.list(), count, 0, &raw mut size) })?;
        Ok(attributes)
    }

    fn list(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    /// The handles have to stay where they are until the process was started.
    fn set(&mut self, attribute: u32, handles: &mut [HANDLE]) -> io::Result<()> {
        let attribute = usize::try_from(attribute).unwrap_or(0);
        // SAFETY: an initialised list with room for it, and handles of the length that is told.
        check(unsafe {
            UpdateProcThreadAttribute(
                self.list(),
                0,
                attribute,
                handles.as_mut_ptr().cast::<c_void>(),
                size_of_val(handles),
                std::ptr::null_mut(),
                std::ptr::null(),
            )
        })
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: an initialised list, which is used no more.
        unsafe { DeleteProcThreadAttributeList(self.list()) };
    }
}
