/** Log lines with the ids that real systems print and that an agent needs: none of them is a secret. */
import type { Random } from './random.ts';
import { fill, seededRandom } from './random.ts';

const lines: readonly string[] = [
  '10.4.{d:1}.{d:2} - - [24/Nov/2026:09:1{d:1}:4{d:1} +0000] "GET /api/v2/orders/{uuid}?page={d:2} HTTP/1.1" 200 {d:4} "-" "Mozilla/5.0 (X11; Linux x86_64)"',
  '{"level":30,"time":17640{d:8},"pid":{d:4},"hostname":"web-{hex:10}-{a0:5}","reqId":"{uuid}","msg":"request completed","responseTime":{d:2}}',
  'Nov 24 09:12:{d:2} node-{d:1} kubelet[{d:4}]: I1124 09:12:44.{d:6} {d:4} kubelet.go:2447] "SyncLoop (PLEG): event for pod" pod="default/api-{a0:9}-{a0:5}" containerID="containerd://{hex:64}"',
  'Successfully pulled image "registry.example.com/acme/api@sha256:{hex:64}" in {d:1}.{d:3}s',
  'commit {hex:40}\nAuthor: Ada <ada@example.com>\nDate:   Tue Nov 24 09:12:44 2026 +0000',
  '   {hex:7}..{hex:7}  main       -> origin/main',
  'traceparent: 00-{hex:32}-{hex:16}-01 span=checkout duration={d:3}ms',
  'x-amz-request-id: {A0:16} x-amz-id-2: {b64:75}=',
  'etag: W/"{hex:4}-{b64:27}" last-modified: Tue, 24 Nov 2026 09:12:44 GMT',
  'npm http fetch GET 200 https://registry.example/left-pad 312ms (cache revalidated) integrity sha512-{b64:86}==',
  'arn:aws:iam::{d:12}:role/deploy-{a0:8} assumed by arn:aws:sts::{d:12}:assumed-role/ci/run-{d:8}',
  'i-0{hex:16} subnet-0{hex:16} sg-0{hex:16} vpc-{hex:8} ami-0{hex:16} running t3.micro',
  '{"nextPageToken":"{url:48}","kind":"storage#objects","items":[{"id":"acme/{uuid}/17640{d:11}","md5Hash":"{b64:22}==","crc32c":"{b64:6}=="}]}',
  'key=user:{d:6}:profile ttl={d:4} size={d:3} token_count={d:3} tokens=[{d:2}, {d:2}, {d:2}]',
  'session started id=sess_{b62:24} user=usr_{b58:22} plan=pro',
  'charge.succeeded evt_1{b62:23} pi_3{b62:23} cus_{b62:14} amount={d:4}',
  'Downloading torch-2.9.0-cp313-cp313-manylinux_2_28_x86_64.whl.metadata (30 kB) sha256={hex:64}',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43} ada@laptop',
  'SHA256:{b64:43} root@build (ED25519)',
  'psql: NOTICE: relation "token_{a:6}" already exists, skipping; password authentication succeeded for user "app"',
  'DEBUG auth: access_token expires in {d:4}s, refresh_token rotated, api_key_id={uuid}',
  'job {d:10} finished: artifacts/report-{hex:12}.html ({d:3} KB), cache key: linux-npm-{hex:64}',
  'Message-ID: <{b62:22}.{d:6}@mail.example.com> DKIM-Signature: v=1; a=rsa-sha256; bh={b64:43}=; b={b64:170}=',
  'block {d:8} 0x{hex:64} from 0x{hex:40} gas {d:6}',
  'rollout: deployment/api {d:1}/3 pods template-hash={a0:10} revision={d:2}',
  'W{d:4} watcher.go: error retrieving resource lock: the server was unable to return a response (get leases.coordination.k8s.io api-{hex:8})',
];

/** About so many bytes, the same at every run. */
export function ordinaryLogs(bytes: number): string {
  const random: Random = seededRandom(20_261_124);
  const written: string[] = [];
  for (let length = 0; length < bytes;) {
    const line = fill(random.pick(lines), random);
    written.push(line);
    length += line.length + 1;
  }
  return written.join('\n');
}
