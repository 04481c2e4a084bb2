/// Requests to the handler, by the event id of their notification; `docs/cic-handler.md`, section 3.
enum HandlerOperation: String, Sendable {
    case create = "Create"
    case assign = "Assign"
    case disconnect = "Disconnect"
    case ping = "Ping"
}
