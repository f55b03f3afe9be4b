# expect: completed {"exitCode":0}
# A process that goes on swapping a file for a link while artifacts are collected.
(while :; do echo mine >/work/out/x; ln -sf /etc/passwd /work/out/y; mv /work/out/y /work/out/x; rm -f /work/out/x; done) &
exit 0
