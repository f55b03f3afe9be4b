// A dynamic import of Node's own modules.
// expect: threw SyntaxError
export default async () => (await import('node:fs')).readFileSync('/etc/passwd', 'utf8');
