import UnixSignals

/// Waits for SIGTERM or SIGINT.
enum Termination {
    static func wait() async {
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { return }
    }
}
