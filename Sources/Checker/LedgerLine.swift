/// The fields of one ledger line that a verdict can depend on; valid as long as the line's bytes.
///
/// Which of them a line has, its `kind` says: the keys of each kind stand in `docs/simulators.md`.
struct LedgerLine {
    let source: Source

    private(set) var n: LineScanner.Value?
    private(set) var at: LineScanner.Value?
    private(set) var kind: LineScanner.Value?

    private(set) var org: LineScanner.Value?
    private(set) var caseID: LineScanner.Value?
    private(set) var number: LineScanner.Value?
    private(set) var change: LineScanner.Value?
    private(set) var owner: LineScanner.Value?
    private(set) var closed: LineScanner.Value?
    private(set) var deleted: LineScanner.Value?
    private(set) var by: LineScanner.Value?
    private(set) var published: LineScanner.Value?
    private(set) var incoming: LineScanner.Value?
    private(set) var row: LineScanner.Value?
    private(set) var status: LineScanner.Value?
    private(set) var skills: LineScanner.Value?
    private(set) var replayID: LineScanner.Value?
    private(set) var channel: LineScanner.Value?
    private(set) var rowless: LineScanner.Value?

    private(set) var server: LineScanner.Value?
    private(set) var interaction: LineScanner.Value?
    private(set) var event: LineScanner.Value?
    private(set) var queueType: LineScanner.Value?
    private(set) var queue: LineScanner.Value?
    private(set) var state: LineScanner.Value?
    private(set) var agent: LineScanner.Value?
    private(set) var attributes: LineScanner.Value?

    init(_ bytes: UnsafeRawBufferPointer, _ source: Source) throws(LineScanner.Problem) {
        var line = Self(empty: source)
        try LineScanner.fields(of: bytes) { (key, value) throws(LineScanner.Problem) in line.keep(key, value) }
        self = line
    }

    private init(empty source: Source) { self.source = source }

    /// Sorted by length first: most fields of most lines are not ours, and this runs for every one of them.
    private mutating func keep(_ key: UnsafeRawBufferPointer, _ value: LineScanner.Value) {
        switch key.count {
        case 1:
            if key.spells("n") {
                n = value
            }
        case 2:
            if key.spells("at") {
                at = value
            } else if key.spells("by") {
                by = value
            }
        case 3:
            if key.spells("org") {
                org = value
            } else if key.spells("row") {
                row = value
            }
        case 4:
            if key.spells("kind") {
                kind = value
            } else if key.spells("case") {
                caseID = value
            }
        case 5:
            if key.spells("owner") {
                owner = value
            } else if key.spells("event") {
                event = value
            } else if key.spells("queue") {
                queue = value
            } else if key.spells("state") {
                state = value
            } else if key.spells("agent") {
                agent = value
            }
        case 6:
            if key.spells("number") {
                number = value
            } else if key.spells("change") {
                change = value
            } else if key.spells("closed") {
                closed = value
            } else if key.spells("status") {
                status = value
            } else if key.spells("server") {
                server = value
            } else if key.spells("skills") {
                skills = value
            }
        case 7:
            if key.spells("deleted") {
                deleted = value
            } else if key.spells("channel") {
                channel = value
            } else if key.spells("rowless") {
                rowless = value
            }
        case 8:
            if key.spells("incoming") {
                incoming = value
            } else if key.spells("replayId") {
                replayID = value
            }
        case 9:
            if key.spells("published") {
                published = value
            } else if key.spells("queueType") {
                queueType = value
            }
        case 10:
            if key.spells("attributes") {
                attributes = value
            }
        case 11:
            if key.spells("interaction") {
                interaction = value
            }
        default: break
        }
    }

    /// The field of that name, which a line of this kind must have.
    func require(_ name: StaticString, _ value: LineScanner.Value?) throws(LineScanner.Problem) -> LineScanner.Value {
        guard let value else { throw LineScanner.Problem("lacks \"\(name)\"") }
        return value
    }
}
