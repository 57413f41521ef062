//! Inbox, runner, watcher: where decisions meet the world. Knows no chat, database or simulator by name.
