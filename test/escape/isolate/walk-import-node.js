// A static import of Node's own modules.
// expect: threw SyntaxError
import fs from 'node:fs';
export default () => fs.readFileSync('/etc/passwd', 'utf8');
