/// Leases in PostgreSQL: one holder per duty, by the database's clock. Errors are of kind `own`.
///
/// Safety never rests on a lease; two holders cause duplicates and nothing else.
public protocol Leases: Sendable {
    /// Takes a lease that is free or expired, or renews one's own, for `Lease.duration`. Nil: someone else holds it.
    func take(_ kind: Lease.Kind, _ name: String) async throws(RoutingFailure) -> Lease?

    /// Gives it back if it is still the same.
    func release(_ lease: Lease) async throws(RoutingFailure)
}

public struct Lease: Equatable, Sendable {
    public enum Kind: String, Sendable { case org, watch, housekeeping }

    public let kind: Kind
    public let name: String
    /// Rises with every change of holder.
    public let term: Int64

    public init(kind: Kind, name: String, term: Int64) {
        self.kind = kind
        self.name = name
        self.term = term
    }

    /// A lease is renewed every third of this.
    public static let duration: Duration = .seconds(30)
    /// How long its holder works without a renewal, counted from before the last one was asked for.
    static let trust: Duration = duration - .seconds(5)
}
