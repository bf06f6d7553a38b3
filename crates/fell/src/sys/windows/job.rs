//! Jobs: a kernel object that holds a run's processes from birth, and ends them with its last handle.

use super::{check, last_error, raw};
use crate::outcome::Mechanism;
use crate::pid::Pid;
use crate::sys::Enclosure;
use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectBasicAccountingInformation,
    JobObjectBasicProcessIdList, JobObjectExtendedLimitInformation, QueryInformationJobObject, SetInformationJobObject,
    TerminateJobObject,
};

/// How many processes are listed at first, and how often that is doubled at most.
const ROOM: usize = 64;
const DOUBLINGS: usize = 16;

/// A job of our own. No child inherits its handle: so it ends with this process, and all that is in it.
#[derive(Debug)]
pub(crate) struct Job(OwnedHandle);

impl Job {
    /// A new one, with nothing in it, that ends all its processes when its last handle is closed.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn create() -> io::Result<Job> {
        // SAFETY: no attributes and no name.
        let handle = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
        if handle.is_null() {
            return Err(last_error());
        }
        // SAFETY: the system has just given us this handle, and nobody else has it.
        let job = Job(unsafe { OwnedHandle::from_raw_handle(handle) });
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
        Ok(job)
    }

    /// Lets all that is inside live on when this is closed.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn disband(&self) -> io::Result<()> {
        self.limit(0)
    }

    fn limit(&self, flags: u32) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = flags;
        let size = u32::try_from(size_of_val(&limits)).unwrap_or(0);
        // SAFETY: an open handle, and a structure of the kind and size that are told.
        check(unsafe {
            SetInformationJobObject(
                raw(&self.0),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast::<c_void>(),
                size,
            )
        })
    }

    /// Puts a process in.
    ///
    /// # Errors
    ///
    /// It is in a job that lets none be nested, or has ended.
    pub(super) fn assign(&self, process: &OwnedHandle) -> io::Result<()> {
        // SAFETY: two open handles.
        check(unsafe { AssignProcessToJobObject(raw(&self.0), raw(process)) })
    }

    /// Whether a process is inside.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn holds(&self, process: &OwnedHandle) -> io::Result<bool> {
        let mut inside = 0;
        // SAFETY: two open handles, and a truth to write to.
        check(unsafe { IsProcessInJob(raw(process), raw(&self.0), &raw mut inside) })?;
        Ok(inside != 0)
    }

    /// How many processes are inside and alive, in jobs that are nested in this one as well.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn active(&self) -> io::Result<u32> {
        let mut facts = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        let size = u32::try_from(size_of_val(&facts)).unwrap_or(0);
        // SAFETY: an open handle, and a structure of the kind and size that are told.
        check(unsafe {
            QueryInformationJobObject(
                raw(&self.0),
                JobObjectBasicAccountingInformation,
                (&raw mut facts).cast::<c_void>(),
                size,
                std::ptr::null_mut(),
            )
        })?;
        Ok(facts.ActiveProcesses)
    }

    /// Who is inside and alive.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn pids(&self) -> io::Result<Vec<Pid>> {
        let mut room = ROOM;
        for _ in 0..DOUBLINGS {
            // Two 32-bit numbers (how many there are, how many are listed), and one word each.
            let mut list = vec![0_usize; room + 8 / size_of::<usize>()];
            let size = u32::try_from(size_of_val(list.as_slice())).unwrap_or(u32::MAX);
            // SAFETY: an open handle, and a buffer of the size that is told, aligned for the words in it.
            let done = check(unsafe {
                QueryInformationJobObject(
                    raw(&self.0),
                    JobObjectBasicProcessIdList,
                    list.as_mut_ptr().cast::<c_void>(),
                    size,
                    std::ptr::null_mut(),
                )
            });
            match done {
                Err(error) if error.raw_os_error() != Some(ERROR_MORE_DATA.cast_signed()) => return Err(error),
                _ => {}
            }
            // SAFETY: the buffer begins with two 32-bit numbers, aligned.
            let [assigned, listed] = unsafe { list.as_ptr().cast::<[u32; 2]>().read() };
            if done.is_ok() && assigned <= listed {
                let words = list.iter().skip(8 / size_of::<usize>()).take(usize::try_from(listed).unwrap_or(0));
                return Ok(words.filter_map(|word| Pid::new(u32::try_from(*word).ok()?)).collect());
            }
            room = (room * 2).max(usize::try_from(assigned).unwrap_or(0));
        }
        Err(io::Error::other("the job grows faster than it can be read"))
    }

    /// The means to end all that is inside.
    ///
    /// # Errors
    ///
    /// No handle is left.
    pub(super) fn enclosure(&self) -> io::Result<Box<dyn Enclosure + Send>> {
        Ok(Box::new(Job(self.0.as_handle().try_clone_to_owned()?)))
    }

    pub(super) fn handle(&self) -> &OwnedHandle {
        &self.0
    }
}

impl Enclosure for Job {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Job
    }

    fn kill(&self) -> io::Result<()> {
        // SAFETY: an open handle.
        check(unsafe { TerminateJobObject(raw(&self.0), super::handle::KILLED) })
    }
}
