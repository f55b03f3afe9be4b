# expect: completed {"exitCode":0}
# Neither folder takes more than its part of the memory.
for folder in /work /tmp /dev/shm; do
  for n in 1 2 3; do head -c 100000000 /dev/zero >$folder/$n 2>/dev/null; done
  kept=$(cat $folder/1 $folder/2 $folder/3 2>/dev/null | wc -c)
  rm -f $folder/1 $folder/2 $folder/3
  [ "$kept" -le 67108864 ] || exit 1
done
exit 0
