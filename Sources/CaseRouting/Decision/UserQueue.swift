/// The own queue of a CIC user, written where a workgroup's name stands: `user:` and the user's name.
///
/// No source says which characters CIC allows in names. So whatever begins with `user:` is a user's queue, and a workgroup
/// that CIC calls so cannot be named.
public struct UserQueue: Equatable, Sendable {
    public static let prefix = "user:"

    /// As CIC spells it; case counts.
    public let user: String

    public init(user: String) { self.user = user }

    /// Nil: the place is a workgroup.
    public init?(place: String) {
        guard place.hasPrefix(Self.prefix) else { return nil }
        user = String(place.dropFirst(Self.prefix.count))
    }

    public var place: String { Self.prefix + user }
}
