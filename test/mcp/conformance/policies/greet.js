export default ({ name = 'you' }) => `Hello, ${name}!`;
