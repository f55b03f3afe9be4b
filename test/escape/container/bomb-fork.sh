# expect: timed_out | completed | crashed
# The shell gives up when no process can be made, or goes on until its deadline: either way no more than its limit live.
bomb() { bomb | bomb & }
bomb
wait
