# expect: completed []
# runsc: completed [] | completed ["nice","oom"]
# gVisor keeps both to itself: the host hears of neither.

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

attempt("setuid", lambda: os.setuid(0))
attempt("setgid", lambda: os.setgid(0))
attempt("setgroups", lambda: os.setgroups([0]))
attempt("chown", lambda: (open("/work/x", "w").close(), os.chown("/work/x", 0, 0)))
attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))
def spare_me():
    with open("/proc/self/oom_score_adj", "w") as file: file.write("-1000")
attempt("oom", spare_me)
if "su" in os.listdir("/usr/bin") and os.system("su -c true </dev/null >/dev/null 2>&1") == 0: result.append("su")
