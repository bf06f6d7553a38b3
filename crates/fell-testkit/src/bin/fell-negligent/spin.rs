//! A computation that notices when a register is changed under it.

/// Fills all registers that a system call may change, and others, goes round in circles, and looks again.
/// How many of them hold something else then.
#[cfg(target_arch = "x86_64")]
pub(crate) fn changed_registers(rounds: u64) -> u32 {
    let [a, b, c, d, e, f, g, h]: [u64; 8];
    let flags: u64;
    // SAFETY: plain arithmetic on registers that are all named, and none on the stack.
    unsafe {
        std::arch::asm!(
            "stc",
            "2:",
            "lea {rounds}, [{rounds} - 1]",
            "pause",
            "mov r15, {rounds}",
            "inc r15",
            "dec r15",
            "jnz 2b",
            "setc r14b",
            "movzx r14, r14b",
            rounds = inout(reg) rounds => _,
            inout("rax") 0x1111_u64 => a,
            inout("rcx") 0x2222_u64 => b,
            inout("rdx") 0x3333_u64 => c,
            inout("rsi") 0x4444_u64 => d,
            inout("rdi") 0x5555_u64 => e,
            inout("r10") 0x6666_u64 => f,
            inout("r11") 0x7777_u64 => g,
            inout("r8") 0x8888_u64 => h,
            out("r14") flags,
            out("r15") _,
            options(nomem, nostack),
        );
    }
    let found = [a, b, c, d, e, f, g, h];
    let wrong = (1_u64..).zip(found).filter(|(place, value)| *value != place * 0x1111).count();
    u32::try_from(wrong).unwrap_or(u32::MAX) + u32::from(flags != 1)
}

/// The same in the compiler's own registers.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn changed_registers(rounds: u64) -> u32 {
    let sum = (0..rounds).fold(0_u64, |sum, round| std::hint::black_box(sum.wrapping_add(round)));
    u32::from(sum != rounds * (rounds - 1) / 2)
}
