/** What a language is to the signs of injection: stems of its words, in the order in which it puts them. */
export interface Language {
  readonly code: string;
  /** Verbs that turn away from orders: ignore, forget. Stems as they begin a word. */
  readonly turnAway: readonly string[];
  /** What was said before: previous, above, and the words for everything. */
  readonly earlier: readonly string[];
  /** Instructions, rules, prompt. */
  readonly orders: readonly string[];
  /** The verb stands last: Turkish, Japanese, Korean, Hindi. */
  readonly isVerbLast?: true;
  /** "everything above", "what was said": with a verb of turning away. */
  readonly everything: readonly string[];
  /** A negation before the verb that turns it round: "do not forget". */
  readonly not?: string;
  /** The assistant, addressed. */
  readonly reader: readonly string[];
  /** Without telling the user. */
  readonly secretly: readonly string[];
  /** The system prompt. */
  readonly prompt: readonly string[];
  /** Show, reveal, word for word. */
  readonly show: readonly string[];
  /** From now on; you are now. */
  readonly fromNow: readonly string[];
  /** Without restrictions. */
  readonly unlimited: readonly string[];
}
