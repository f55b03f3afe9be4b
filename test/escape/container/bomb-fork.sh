# expect: completed | timed_out | crashed
# runsc: completed | timed_out | crashed | out_of_memory
bomb() { bomb | bomb & }
bomb
wait
