/** Whether a text was glued together somewhere in `from..to`, both included; `from` alone is the place before that character. */
export type Seams = (from: number, to: number) => boolean;

export const noSeams: Seams = () => false;
