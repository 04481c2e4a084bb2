import CaseRouting

/// Who changed what, when and from where. Entries are never changed or removed.
public struct AuditEntry: Equatable, Sendable {
    public let id: Int64
    public let at: Timestamp
    public let actor: String
    public let databaseRole: String
    public let host: String
    /// The command.
    public let action: String
    public let target: String
    /// JSON.
    public let before: String?
    public let after: String?

    public init(
        id: Int64, at: Timestamp, actor: String, databaseRole: String, host: String, action: String, target: String,
        before: String?, after: String?
    ) {
        self.id = id
        self.at = at
        self.actor = actor
        self.databaseRole = databaseRole
        self.host = host
        self.action = action
        self.target = target
        self.before = before
        self.after = after
    }
}

/// Which entries; nil: all.
public struct AuditFilter: Equatable, Sendable {
    /// The beginning of a target, as `mapping:acme/`.
    public var target: String?
    public var actor: String?
    /// The beginning of an action, as `mappings`.
    public var action: String?
    public var from: Timestamp?
    public var to: Timestamp?
    public var limit = 50

    public init() {}
}

/// Errors are of kind `own`, or `configuration` when a right is missing.
public protocol AuditStore: Sendable {
    /// The newest first.
    func entries(_ filter: AuditFilter) async throws(RoutingFailure) -> [AuditEntry]
}
