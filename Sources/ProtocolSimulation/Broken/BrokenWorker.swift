import CaseRouting

/// A rule of the protocol that the workers of a history do not keep: decorators of the core's ports, so that the product has
/// no switch for it. The simulation has to find each of them out.
public enum BrokenWorker: String, CaseIterable, Sendable {
    /// The position moves when events are received.
    case cursorOnReceipt = "cursor-on-receipt"
    /// The position moves to the highest event that was confirmed.
    case highestConfirmed = "highest-confirmed-cursor"
    /// Interactions are created on their workgroup, and looked for before a create is repeated.
    case createOnWorkgroup = "create-on-workgroup"
    /// A create without an answer is sent again, as libcurl does with a POST.
    case repeatedPost = "repeated-post"
    /// Every change is taken for the newest.
    case noFence = "no-version-fence"
    /// An episode that is ending is used again when the case is wanted again.
    case endingNotFinal = "ending-not-final"
    /// A message is acknowledged when it is received.
    case earlyAcknowledgement = "early-acknowledgement"

    /// What it does, in a few words.
    public var summary: String {
        switch self {
        case .cursorOnReceipt: "cursor on receipt"
        case .highestConfirmed: "highest-confirmed cursor"
        case .createOnWorkgroup: "create straight on the workgroup, with look before retry"
        case .repeatedPost: "POST repeated by the HTTP library"
        case .noFence: "no version fence"
        case .endingNotFinal: "ending not final"
        case .earlyAcknowledgement: "acknowledged before the merge is committed"
        }
    }

    func cases(_ inner: any CaseStore, _ shared: SharedTables) -> any CaseStore {
        switch self {
        case .noFence: UnfencedStore(inner: inner)
        case .endingNotFinal: RevivingStore(inner: inner, shared: shared)
        default: inner
        }
    }

    func queue(_ inner: any RequestQueue) -> any RequestQueue {
        self == .earlyAcknowledgement ? HastyQueue(inner: inner) : inner
    }

    func server(
        _ inner: MemoryInteractionServer, _ site: MemoryCIC, _ shared: SharedTables
    ) -> any InteractionServer {
        switch self {
        case .createOnWorkgroup: StraightServer(inner: inner, site: site, shared: shared)
        case .repeatedPost: RepeatingServer(inner: inner)
        default: inner
        }
    }

    func ingest(
        _ source: any SalesforceOrg, _ publisher: any RequestPublisher, _ store: any IngestStore,
        _ shared: SharedTables,
        _ life: Life
    ) -> (any SalesforceOrg, any RequestPublisher) {
        switch self {
        case .cursorOnReceipt, .highestConfirmed:
            let cursor = EagerCursor(shared: shared, channel: source.channel, life: life)
            return (
                CursorMovingOrg(inner: source, cursor: cursor, onReceipt: self == .cursorOnReceipt),
                CursorMovingPublisher(inner: publisher, cursor: cursor, onConfirm: self == .highestConfirmed)
            )
        default: return (source, publisher)
        }
    }
}
