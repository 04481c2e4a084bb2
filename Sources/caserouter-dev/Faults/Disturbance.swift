/// What happens to the bytes of a link.
enum Disturbance: Sendable, Equatable {
    case none
    /// Connections are closed, and new ones as soon as they are accepted.
    case cut
    /// The same, with an RST instead of an orderly end.
    case reset
    /// What the client sends arrives; the first bytes that the server then sends are dropped and the connection is closed:
    /// the client never hears what became of its request.
    case lostAnswer
    /// Bytes arrive so many milliseconds later, in both directions.
    case delay(Int)
    /// Nothing passes and nothing is closed; when it is over everything arrives.
    case blackHole
    /// So many bytes pass every 20 ms in each direction.
    case trickle(Int)
}
