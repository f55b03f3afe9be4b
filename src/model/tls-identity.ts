/** Who one side of a TLS link is, PEM texts. Both sides show a certificate that the same CA signed. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}
