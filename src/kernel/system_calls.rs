//! System calls: which one a kernel function implements, and the numbers of each architecture.

use crate::model::SystemCallRole;

use super::names::without_suffix;

/// The system call that a kernel function implements: `read` for `__x64_sys_read`, `ksys_read`,
/// `sys_read`, `SyS_read`.
pub fn system_call(function: &str) -> Option<&str> {
    let function = without_suffix(function);
    // The wrappers that SYSCALL_DEFINE makes on each architecture
    // (arch/*/include/asm/syscall_wrapper.h), what the compiler inlines them into, and the helpers
    // that share their name. Longer prefixes come first.
    const PREFIXES: [&str; 23] = [
        "__ia32_compat_sys_",
        "__x64_compat_sys_",
        "__x32_compat_sys_",
        // Calls of 32-bit programs whose arguments arm64 puts together (arch/arm64/kernel/sys32.c).
        "__arm64_compat_sys_aarch32_",
        "__arm64_compat_sys_",
        "__s390_compat_sys_",
        "__riscv_compat_sys_",
        "__se_compat_sys_",
        "__do_compat_sys_",
        "compat_SyS_",
        "compat_sys_",
        "__ia32_sys_",
        "__x64_sys_",
        "__arm64_sys_",
        "__riscv_sys_",
        "__s390x_sys_",
        "__s390_sys_",
        "__se_sys_",
        "__do_sys_",
        "ksys_",
        "SyS_",
        "SYSC_",
        "sys_",
    ];
    // Functions that the wrapper calls. Only they are left if the compiler inlined the wrapper into
    // the dispatcher.
    const INNER: [(&str, &str); 10] = [
        ("do_sys_openat2", "openat"),
        ("do_sys_open", "open"),
        ("do_sys_poll", "poll"),
        ("do_epoll_wait", "epoll_wait"),
        ("do_futex", "futex"),
        ("do_execveat_common", "execve"),
        ("do_mkdirat", "mkdirat"),
        ("do_unlinkat", "unlinkat"),
        ("kernel_wait4", "wait4"),
        ("vm_mmap_pgoff", "mmap"),
    ];
    let by_prefix =
        PREFIXES.iter().find_map(|prefix| function.strip_prefix(prefix)).filter(|name| !name.is_empty());
    let by_socket = || socket_call(function);
    let by_inner = || {
        let inner = INNER.iter().find(|(inner, _)| *inner == function);
        inner.map(|(_, name)| *name)
    };
    by_prefix.or_else(by_socket).or_else(by_inner)
}

/// The effect of a system call on threads, by its name (kernel/fork.c, kernel/exit.c).
pub fn system_call_role(name: &str) -> SystemCallRole {
    match name {
        "clone" | "clone3" | "fork" | "vfork" => SystemCallRole::Birth,
        "exit" | "exit_group" => SystemCallRole::Exit,
        _ => SystemCallRole::Ordinary,
    }
}

/// The system call with this number on an architecture, which is named as by `uname -m`.
pub fn system_call_by_number(arch: &str, number: i32) -> Option<&'static str> {
    let number = usize::try_from(number).ok()?;
    match arch {
        "x86_64" => syscalls::x86_64::Sysno::new(number & !X32).map(|call| call.name()),
        "i386" | "i486" | "i586" | "i686" => syscalls::x86::Sysno::new(number).map(|call| call.name()),
        "aarch64" => syscalls::aarch64::Sysno::new(number).map(|call| call.name()),
        "armv5tel" | "armv6l" | "armv7l" => syscalls::arm::Sysno::new(number).map(|call| call.name()),
        "loongarch64" => syscalls::loongarch64::Sysno::new(number).map(|call| call.name()),
        "ppc" | "ppcle" => syscalls::powerpc::Sysno::new(number).map(|call| call.name()),
        "ppc64" | "ppc64le" => syscalls::powerpc64::Sysno::new(number).map(|call| call.name()),
        "riscv64" => syscalls::riscv64::Sysno::new(number).map(|call| call.name()),
        "s390x" => syscalls::s390x::Sysno::new(number).map(|call| call.name()),
        _ => None,
    }
}

/// The architecture whose numbers 32-bit programs use on this one.
pub fn compat_arch(arch: &str) -> Option<&'static str> {
    match arch {
        "x86_64" => Some("i686"),
        "aarch64" => Some("armv7l"),
        "ppc64" => Some("ppc"),
        _ => None,
    }
}

/// Whether 32-bit programs on a 64-bit kernel enter it here.
pub fn is_compat_entry(function: &str) -> bool {
    let function = without_suffix(function);
    // arm64 since 4.20, and x86.
    function.starts_with("el0_svc_compat")
        || function.starts_with("entry_SYSENTER_compat")
        || function.starts_with("entry_SYSCALL_compat")
        || function.starts_with("entry_INT80_compat")
        || matches!(
            function,
            "do_el0_svc_compat"
                | "el0t_32_sync_handler"
                | "el0_sync_compat_handler"
                | "do_fast_syscall_32"
                | "__do_fast_syscall_32"
                | "do_int80_syscall_32"
                | "do_int80_emulation"
                | "int80_emulation"
                | "ia32_sys_call"
        )
}

/// The bit of the numbers of x32, programs of 64 bits with short pointers
/// (arch/x86/include/uapi/asm/unistd.h).
const X32: usize = 1 << 30;

/// The number of a system call by the name that its tracepoint has: the inverse of
/// [`system_call_by_number`]. The kernel's function, and so the tracepoint, may have another name
/// than the call (arch/x86/entry/syscalls/syscall_64.tbl).
pub fn system_call_number(arch: &str, name: &str) -> Option<i32> {
    /// More than any architecture's table has.
    const MOST: i32 = 1024;
    const OTHER_NAMES: [(&str, &str); 6] = [
        ("newstat", "stat"),
        ("newfstat", "fstat"),
        ("newlstat", "lstat"),
        ("newuname", "uname"),
        ("sendfile64", "sendfile"),
        ("umount", "umount2"),
    ];
    let number = |name| (0..MOST).find(|number| system_call_by_number(arch, *number) == Some(name));
    let other = OTHER_NAMES.iter().find(|(of_tracepoint, _)| *of_tracepoint == name);
    number(name).or_else(|| number(other?.1))
}

/// The architecture of a kernel in which a system call is entered by this function.
pub fn arch_of_entry(name: &str) -> Option<&'static str> {
    const ENTRIES: [(&str, &str); 8] = [
        ("entry_SYSCALL_64", "x86_64"),
        ("do_syscall_64", "x86_64"),
        ("__x64_sys_", "x86_64"),
        ("el0_svc", "aarch64"),
        ("do_el0_svc", "aarch64"),
        ("__arm64_sys_", "aarch64"),
        ("__s390x_sys_", "s390x"),
        ("__riscv_sys_", "riscv64"),
    ];
    ENTRIES.iter().find(|(start, _)| name.starts_with(start)).map(|(_, arch)| *arch)
}

/// The socket call that a kernel function implements. These functions are called `__sys_NAME`
/// (net/socket.c).
fn socket_call(function: &str) -> Option<&str> {
    const CALLS: [&str; 18] = [
        "accept4",
        "bind",
        "connect",
        "getpeername",
        "getsockname",
        "getsockopt",
        "listen",
        "recvfrom",
        "recvmmsg",
        "recvmsg",
        "sendmmsg",
        "sendmsg",
        "sendto",
        "setsockopt",
        "shutdown",
        "socket",
        "socketpair",
        "sendfile",
    ];
    let name = function.strip_prefix("__sys_")?;
    CALLS.contains(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_calls_of_every_kernel() {
        for (function, name) in [
            ("sys_read", Some("read")),
            ("SyS_read", Some("read")),
            ("__x64_sys_read", Some("read")),
            ("ksys_lseek", Some("lseek")),
            ("__arm64_sys_epoll_pwait", Some("epoll_pwait")),
            ("__ia32_compat_sys_ioctl", Some("ioctl")),
            ("__arm64_compat_sys_aarch32_pwrite64", Some("pwrite64")),
            ("__riscv_compat_sys_ioctl", Some("ioctl")),
            ("__s390_sys_getpid", Some("getpid")),
            ("__do_sys_newfstatat.isra.0", Some("newfstatat")),
            ("__sys_sendto", Some("sendto")),
            ("do_sys_openat2", Some("openat")),
            ("vfs_read", None),
            ("__sys_setfsgid_inner", None),
            ("sysfs_kf_read", None),
            ("sys_", None),
        ] {
            assert_eq!(system_call(function), name, "{function}");
        }
    }

    #[test]
    fn numbers_of_system_calls_differ_by_architecture() {
        for (arch, number, name) in [
            ("x86_64", 0, Some("read")),
            ("x86_64", 8, Some("lseek")),
            ("aarch64", 63, Some("read")),
            ("s390x", 3, Some("read")),
            ("ppc64le", 3, Some("read")),
            ("riscv64", 63, Some("read")),
            ("loongarch64", 63, Some("read")),
            ("armv7l", 3, Some("read")),
            ("i686", 3, Some("read")),
            // x32.
            ("x86_64", (1 << 30) + 1, Some("write")),
            ("x86_64", 100_000, None),
            ("x86_64", -1, None),
            ("alpha", 3, None),
        ] {
            assert_eq!(system_call_by_number(arch, number), name, "{arch} {number}");
        }
    }
}
