# expect: completed {"exitCode":0}
# No link, pipe or device among artifacts is followed, opened or waited for.
cd /work/out
ln -s /etc/passwd a
ln -s /proc/1/environ b
ln -s / root
ln -s a loop; ln -sf loop loop
ln -s ../../etc/hostname c
mkfifo pipe
mknod disk b 8 0 2>/dev/null
exit 0
