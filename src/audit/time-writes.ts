/** How long writes of a record take, and what comes of them. */
import type { Metrics } from '../telemetry/metrics.ts';
import { RecordUnavailable } from './record.ts';
import type { RecordStore } from './record.ts';

/** From now on, every write of this record is measured. */
export function timeWrites(record: RecordStore, metrics: Pick<Metrics, 'recordWritten'>): void {
  const write = record.write.bind(record);
  record.write = async (...given) => {
    const startedAt = performance.now();
    const told = (outcome: string): void =>
      metrics.recordWritten(outcome, (performance.now() - startedAt) / 1000);
    try {
      const receipt = await write(...given);
      told('stored');
      return receipt;
    } catch (error) {
      told(error instanceof RecordUnavailable ? 'failed' : 'contradicted');
      throw error;
    }
  };
}
