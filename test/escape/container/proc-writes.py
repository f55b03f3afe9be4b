# expect: completed []
# What turns a write into code on the host: core_pattern, modprobe, uevent_helper, release_agent, sysrq.

import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
result = []
def attempt(name, action):
    try:
        action()
        result.append(name)
    except (OSError, ValueError):
        pass
def syscall(name, number, *given):
    ctypes.set_errno(0)
    if libc.syscall(number, *given) >= 0:
        result.append(name)

targets = ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/panic_on_oom",
    "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper", "/proc/sys/kernel/hotplug", "/proc/self/exe", "/proc/1/exe"]
for top, folders, names in os.walk("/sys/fs/cgroup"):
    targets += [top + "/" + name for name in names if name in ("release_agent", "cgroup.procs", "devices.allow", "memory.limit_in_bytes", "memory.max")]
for path in targets: attempt(path, lambda: os.close(os.open(path, os.O_WRONLY)))
