/** The MCP door over the same parts as the HTTP door. Loaded when first asked for: its schemas take long. */
import { createHmac, randomBytes } from 'node:crypto';
import type { McpRouteOptions, McpShared } from '../api/routes/mcp.ts';
import { cancelCall } from '../calls/cancel-call.ts';
import { CallWaiter } from '../calls/call-waiter.ts';
import type { CallWaiterOptions } from '../calls/call-waiter.ts';
import type { Config } from '../config/config.ts';
import { readDataSecret } from '../config/data-secret.ts';
import type { CallParts } from './calls.ts';
import type { Foundation } from './foundation.ts';

export function openMcp(
  { clock, config, logger, record, serving, version }: Foundation,
  { context, detached }: CallParts,
  watched: CallWaiterOptions,
): (shared: McpShared) => McpRouteOptions {
  const sealingKey = config.sealingKey ?? readDataSecret(config.dataDir, 'sealing.key');
  return (shared) => {
    const load = async () => {
      const { McpDoor } = await import('../mcp/mcp-door.ts');
      return new McpDoor({
        ...shared,
        version,
        revision: context.revision,
        record,
        cancelCall: (caller, stored) => cancelCall(context, caller, stored),
        detached,
        waiter: new CallWaiter(watched),
        stateKey: createHmac('sha256', sealingKey).update('mcp').digest(),
        newMark: () => randomBytes(16).toString('hex'),
        now: () => clock.now(),
        originHosts: originHosts(config),
        fellows: serving.fellows,
        logger,
      });
    };
    let loading: ReturnType<typeof load> | null = null;
    return {
      async answer(...asked) {
        loading ??= load();
        return (await loading).answer(...asked);
      },
      bodyBytesMax: config.maxBodyBytes,
    };
  };
}

/** Pages of this host and of its own address. Any other may have been pointed at it by rebinding a name. */
function originHosts({ host, publicUrl }: Config): readonly string[] {
  return ['localhost', '127.0.0.1', '[::1]', host, ...(publicUrl === null ? [] : [publicUrl.hostname])];
}
