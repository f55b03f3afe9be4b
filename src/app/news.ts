/** What other servers on the same database changed, for those parts that keep something in memory. */
import type { News } from '../audit/postgres/news.ts';

export type OnNews = (news: News) => void;

/** Parts come later than the record: each adds itself once it is there. */
export class NewsDesk {
  readonly #listeners: OnNews[] = [];

  readonly tell: OnNews = (news) => {
    for (const listener of this.#listeners) listener(news);
  };

  add(listener: OnNews): void {
    this.#listeners.push(listener);
  }
}
