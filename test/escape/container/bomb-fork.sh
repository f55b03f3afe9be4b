# expect: timed_out | completed | crashed
# runsc: timed_out | completed | crashed | out_of_memory
# The shell gives up when no process can be made, or goes on until its deadline: either way no more than its limit live.
bomb() { bomb | bomb & }
bomb
wait
