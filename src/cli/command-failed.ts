/** A command that ends here. Exit code 1: a finding or a failure; 2: it was called wrongly. */
export class CommandFailed extends Error {
  override readonly name: string = 'CommandFailed';
  readonly exitCode: 1 | 2;
  constructor(exitCode: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The server refused what it was asked. */
export class RequestRefused extends CommandFailed {
  override readonly name = 'RequestRefused';
  readonly problem: ProblemDocument;
  constructor(problem: ProblemDocument, message: string) {
    super(1, message);
    this.problem = problem;
  }
}

/** RFC 9457, as the server sent it. */
export interface ProblemDocument {
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly {
    readonly pointer: string;
    readonly keyword?: string;
    readonly message: string;
    readonly didYouMean?: string;
  }[];
}
