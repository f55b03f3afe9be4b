/** Databases that have the schema already: copies of one that was brought up to date, which takes a third of the time. */
import { openSession } from '../../src/audit/postgres/connection.ts';
import { migrate } from '../../src/audit/postgres/migrations.ts';
import { closeSession } from '../../src/audit/postgres/writer-session.ts';
import type { PostgresServer } from './postgres-server.ts';

export class MigratedDatabases {
  readonly #server: PostgresServer;
  readonly #template: string;
  #count = 0;

  private constructor(server: PostgresServer, template: string) {
    this.#server = server;
    this.#template = template;
  }

  static async on(server: PostgresServer): Promise<MigratedDatabases> {
    const url = await server.createDatabase();
    const session = await openSession(url, 'migrations');
    await migrate(session);
    await closeSession(session);
    return new MigratedDatabases(server, new URL(url).pathname.slice(1));
  }

  /** One in which no server has been yet, owned by the role of the URL. */
  async create(): Promise<string> {
    const name = `${this.#template}_${(this.#count += 1)}`;
    await this.#server.asSuper(`CREATE DATABASE ${name} OWNER sallyport TEMPLATE ${this.#template}`);
    return this.#server.url(name);
  }
}
