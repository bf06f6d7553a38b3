//! The instructions that a thread executes for us, and the state in which it leaves them.

use libc::user_regs_struct;

/// `ERESTARTSYS`, `ERESTARTNOINTR`, `ERESTARTNOHAND` and `ERESTART_RESTARTBLOCK` of the kernel's `include/linux/errno.h`.
const RESTART_SAME: [i64; 3] = [-512, -513, -514];
const RESTART_BLOCK: i64 = -516;
/// The length of a `syscall` instruction.
const SYSCALL: u64 = 2;
/// The code segment of 64-bit programs (`__USER_CS` of the kernel's `arch/x86/include/asm/segment.h`).
const USER_CODE: u64 = 0x33;
/// The bit in a system call's number that marks the x32 interface.
const X32: u64 = 0x4000_0000;

/// How many bytes the instructions take, rounded up to words.
pub(super) const LENGTH: usize = 88;

/// The instructions: one system call, then the registers as they were, then back.
///
/// Only what a system call changes is put back: `rax`, `rcx`, `r11`, and its four arguments. Nothing is written to the
/// thread's stack, of which a program may have very little left (Go, coroutines), and `syscall` keeps the flags.
pub(super) fn instructions(original: &user_regs_struct) -> [u8; LENGTH] {
    let resumed = resumed(original);
    let mut code = Code { bytes: [0xcc; LENGTH], length: 0 };
    code.push(&[0x0f, 0x05]); // syscall
    code.load(&[0x48, 0xb8], resumed.rax); // mov rax, …
    code.load(&[0x48, 0xb9], resumed.rcx);
    code.load(&[0x48, 0xba], resumed.rdx);
    code.load(&[0x48, 0xbe], resumed.rsi);
    code.load(&[0x48, 0xbf], resumed.rdi);
    code.load(&[0x49, 0xba], resumed.r10);
    code.load(&[0x49, 0xbb], resumed.r11);
    code.load(&[0xff, 0x25, 0, 0, 0, 0], resumed.rip); // jmp to the address that follows
    code.bytes
}

/// The registers with which a thread goes through the instructions at `room` to collect this child.
pub(super) fn entering(original: &user_regs_struct, room: u64, child: i32) -> user_regs_struct {
    user_regs_struct {
        rip: room,
        rax: libc::SYS_wait4.unsigned_abs(),
        rdi: u64::from(child.unsigned_abs()),
        rsi: 0, // no status
        rdx: u64::from((libc::WNOHANG | libc::__WALL).unsigned_abs()),
        r10: 0, // no usage
        // No system call that was interrupted: nothing is to be started again.
        orig_rax: u64::MAX,
        ..*original
    }
}

/// The registers with which the thread would go on in its program if it were not for the kernel's help: a call that
/// was interrupted is begun again, as the kernel does it (`arch_do_signal_or_restart`).
fn resumed(original: &user_regs_struct) -> user_regs_struct {
    let result = original.rax.cast_signed();
    let again = |number: u64| user_regs_struct { rax: number, rip: original.rip.wrapping_sub(SYSCALL), ..*original };
    match is_in_call(original) {
        true if RESTART_SAME.contains(&result) => again(original.orig_rax),
        true if result == RESTART_BLOCK => again(libc::SYS_restart_syscall.unsigned_abs()),
        _ => *original,
    }
}

/// Whether the thread was stopped on its way out of a system call, and not in its program.
pub(super) fn is_in_call(registers: &user_regs_struct) -> bool {
    registers.orig_rax.cast_signed() >= 0
}

/// Whether the thread runs 64-bit code with the usual interface.
pub(super) fn is_native(registers: &user_regs_struct) -> bool {
    registers.cs == USER_CODE && !(is_in_call(registers) && registers.orig_rax & X32 != 0)
}

/// Whether the thread stands before our system call, or behind it.
pub(super) fn is_at_call(registers: &user_regs_struct, room: u64) -> bool {
    registers.rip == room + SYSCALL && registers.orig_rax == libc::SYS_wait4.unsigned_abs()
}

struct Code {
    bytes: [u8; LENGTH],
    length: usize,
}

impl Code {
    fn push(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        self.length += bytes.len();
    }

    fn load(&mut self, instruction: &[u8], value: u64) {
        self.push(instruction);
        self.push(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers() -> user_regs_struct {
        // SAFETY: plain numbers, for which zeroes are valid.
        let zero: user_regs_struct = unsafe { std::mem::zeroed() };
        user_regs_struct { rip: 0x1000, rax: 5, rcx: 6, rdi: 7, orig_rax: u64::MAX, cs: USER_CODE, ..zero }
    }

    #[test]
    fn all_fits_and_ends_in_the_way_back() {
        let code = instructions(&registers());
        assert_eq!(code[..4], [0x0f, 0x05, 0x48, 0xb8]);
        assert_eq!(code[72..78], [0xff, 0x25, 0, 0, 0, 0]);
        assert_eq!(code[78..86], 0x1000_u64.to_le_bytes());
        assert_eq!(code[86..], [0xcc, 0xcc]);
    }

    #[test]
    fn an_interrupted_call_is_begun_again() {
        for (result, number) in [(-512, 35), (-513, 35), (-514, 35), (-516, 219)] {
            let blocked = user_regs_struct { rax: i64::cast_unsigned(result), orig_rax: 35, ..registers() };
            let resumed = resumed(&blocked);
            assert_eq!((resumed.rax, resumed.rip, resumed.rdi), (number, 0xffe, 7), "{result}");
        }
        let failed = user_regs_struct { rax: i64::cast_unsigned(-4), orig_rax: 232, ..registers() };
        assert_eq!((resumed(&failed).rax, resumed(&failed).rip), (failed.rax, 0x1000));
        // The same number in a program that computes is no result of a call.
        let computing = user_regs_struct { rax: i64::cast_unsigned(-512), ..registers() };
        assert_eq!((resumed(&computing).rax, resumed(&computing).rip), (computing.rax, 0x1000));
    }

    #[test]
    fn other_interfaces_are_known() {
        assert!(is_native(&registers()));
        assert!(!is_native(&user_regs_struct { cs: 0x23, ..registers() }));
        assert!(!is_native(&user_regs_struct { orig_rax: X32 | 35, ..registers() }));
    }
}
