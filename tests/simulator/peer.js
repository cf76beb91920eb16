// Starts telegram-test-api, somebody else's fake Bot API, on the loopback port given as the first argument.
const TelegramServer = require('telegram-test-api');

const server = new TelegramServer({ port: Number(process.argv[2]), host: '127.0.0.1' });
server.start().then(() => console.log('ready'));
