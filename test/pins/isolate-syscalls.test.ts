/** System calls of isolate workers, name:x86_64:aarch64. A change here is a change of the wall: say why in the commit. */
import { expect, test } from 'vitest';
import { allowed, refused } from '../../src/execution/isolate/seccomp/syscalls.ts';
import type { SyscallNumbers } from '../../src/execution/isolate/seccomp/syscalls.ts';

const allowedCalls = `
  futex:202:98 read:0:63 write:1:64 mmap:9:222 munmap:11:215 mprotect:10:226 madvise:28:233
  mremap:25:216 brk:12:214 membarrier:324:283 getrandom:318:278 getpid:39:172 gettid:186:178
  clock_gettime:228:113 openat:257:56 open:2:- close:3:57 close_range:436:436 readv:19:65
  pread64:17:67 preadv:295:69 writev:20:66 pwrite64:18:68 pwritev:296:70 lseek:8:62 fstat:5:80
  newfstatat:262:79 stat:4:- lstat:6:- statx:332:291 access:21:- faccessat:269:48 faccessat2:439:439
  readlink:89:- readlinkat:267:78 getdents64:217:61 getcwd:79:17 fadvise64:221:223 fcntl:72:25
  ioctl:16:29 dup:32:23 dup2:33:- dup3:292:24 pipe:22:- pipe2:293:59 getsockname:51:204
  getsockopt:55:209 eventfd2:290:19 epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21
  epoll_wait:232:- epoll_pwait:281:22 poll:7:- ppoll:271:73 select:23:- pselect6:270:72
  clock_nanosleep:230:115 nanosleep:35:101 restart_syscall:219:128 sched_yield:24:124 clone:56:220
  execve:59:221 rseq:334:293 set_robust_list:273:99 get_robust_list:274:100 set_tid_address:218:96
  arch_prctl:158:- prctl:157:167 prlimit64:302:261 getrlimit:97:163 sched_getaffinity:204:123
  sched_getparam:143:121 sched_getscheduler:145:120 getcpu:309:168 rt_sigaction:13:134
  rt_sigprocmask:14:135 rt_sigreturn:15:139 sigaltstack:131:132 tgkill:234:131 exit:60:93
  exit_group:231:94 pkey_alloc:330:289 pkey_free:331:290 pkey_mprotect:329:288 getppid:110:173
  getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150
  getgroups:115:158 capget:125:90 uname:63:160 sysinfo:99:179 getrusage:98:165 times:100:153
  clock_getres:229:114 gettimeofday:96:169 time:201:-
`;

const refusedCalls = `
  socket:41:198 socketpair:53:199 connect:42:203 bind:49:200 listen:50:201 accept:43:202
  accept4:288:242 sendto:44:206 recvfrom:45:207 sendmsg:46:211 recvmsg:47:212 sendmmsg:307:269
  recvmmsg:299:243 setsockopt:54:208 shutdown:48:210 ptrace:101:117 process_vm_readv:310:270
  process_vm_writev:311:271 process_madvise:440:440 process_mrelease:448:448 kcmp:312:272
  pidfd_open:434:434 pidfd_getfd:438:438 pidfd_send_signal:424:424 kill:62:129 tkill:200:130
  rt_sigqueueinfo:129:138 rt_tgsigqueueinfo:297:240 fork:57:- vfork:58:- execveat:322:281
  unshare:272:97 setns:308:268 mount:165:40 umount2:166:39 pivot_root:155:41 chroot:161:51
  fsopen:430:430 fsconfig:431:431 fsmount:432:432 fspick:433:433 move_mount:429:429 open_tree:428:428
  mount_setattr:442:442 open_by_handle_at:304:265 name_to_handle_at:303:264 bpf:321:280
  perf_event_open:298:241 userfaultfd:323:282 io_uring_setup:425:425 io_uring_enter:426:426
  io_uring_register:427:427 keyctl:250:219 add_key:248:217 request_key:249:218 memfd_create:319:279
  memfd_secret:447:447 fanotify_init:300:262 splice:275:76 vmsplice:278:75 tee:276:77 shmget:29:194
  msgget:68:186 semget:64:190 mq_open:240:180 mbind:237:235 set_mempolicy:238:237
  migrate_pages:256:238 move_pages:279:239 modify_ldt:154:- personality:135:92 seccomp:317:277
  kexec_load:246:104 kexec_file_load:320:294 init_module:175:105 finit_module:313:273
  delete_module:176:106 reboot:169:142 swapon:167:224 swapoff:168:225 acct:163:89 quotactl:179:60
  quotactl_fd:443:443 syslog:103:116 sethostname:170:161 setdomainname:171:162 settimeofday:164:170
  clock_settime:227:112 adjtimex:159:171 clock_adjtime:305:266 iopl:172:- ioperm:173:- vhangup:153:58
  setpriority:141:140 setrlimit:160:164 ioprio_set:251:30 sched_setaffinity:203:122
  sched_setscheduler:144:119 setuid:105:146 setgid:106:144 setreuid:113:145 setregid:114:143
  setresuid:117:147 setresgid:119:149 setgroups:116:159 setfsuid:122:151 setfsgid:123:152
  capset:126:91 creat:85:- mknod:133:- mknodat:259:33 truncate:76:45 ftruncate:77:46 fallocate:285:47
  link:86:- linkat:265:37 symlink:88:- symlinkat:266:36 rename:82:- renameat:264:38 renameat2:316:276
  unlink:87:- unlinkat:263:35 mkdir:83:- mkdirat:258:34 rmdir:84:- chmod:90:- fchmod:91:52
  fchmodat:268:53 chown:92:- fchown:93:55 lchown:94:- fchownat:260:54 setxattr:188:5
`;

function written(calls: SyscallNumbers): string[] {
  return Object.entries(calls).map(([name, [x64, arm64]]) => `${name}:${x64 ?? '-'}:${arm64 ?? '-'}`);
}

test('the allow list of isolate workers', () => {
  expect(written(allowed)).toEqual(allowedCalls.trim().split(/\s+/));
});

test('what they are told is forbidden; all other calls do not exist for them', () => {
  expect(written(refused)).toEqual(refusedCalls.trim().split(/\s+/));
});
