/// What a document may cost before its reading stops.
///
/// The bytes come from a network or a broker, so every limit holds before anything is allocated for them.
public struct JSONLimits: Sendable, Equatable {
    /// Deepest nesting any reader can be asked for: `skip()` and `JSONValue` recurse once per level.
    public static let deepestPossible = 512

    /// Longest document, in bytes, whitespace included.
    public var maximumBytes: Int
    /// Deepest nesting of objects and arrays; a bare string has depth 0, `[]` has depth 1.
    public var maximumDepth: Int
    /// Longest string or name, in bytes between its quotes as sent, escapes not yet resolved.
    public var maximumStringBytes: Int

    /// - Precondition: no limit is negative and `maximumDepth` is at most `deepestPossible`.
    public init(maximumBytes: Int = 1 << 20, maximumDepth: Int = 32, maximumStringBytes: Int = 256 << 10) {
        precondition(maximumBytes >= 0 && maximumStringBytes >= 0, "a limit cannot be negative")
        precondition((0...Self.deepestPossible).contains(maximumDepth), "reading recurses, so depth has a ceiling")
        self.maximumBytes = maximumBytes
        self.maximumDepth = maximumDepth
        self.maximumStringBytes = maximumStringBytes
    }
}
