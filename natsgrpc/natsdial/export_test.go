package natsdial

// ReconnectDelay is for tests.
var ReconnectDelay = reconnectDelay
