// The guest imports the bootstrap by name.
// expect: threw SyntaxError
import { start } from 'bootstrap';
export default () => start(() => 'forged');
