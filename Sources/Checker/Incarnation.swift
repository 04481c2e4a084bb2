/// One interaction's life in CIC, from its first line to its end. Ids are used again: the same id after an end, or with
/// another case, is another one.
struct Incarnation {
    let server: String
    let id: String
    /// Its first event: created, recovered, copied, or whatever else the ledger begins with.
    let beginning: String
    /// Whether the product made it, by API or handler.
    let isOurs: Bool
    let beganAt: Int64
    let source: Source
    /// Recovered while the server that had it before still answered, and showed it as well.
    let isTwin: Bool

    /// The case that its attributes name; nil: somebody else's.
    var owner: CaseKey?
    var episode: Int64 = 0
    var attempt = ""
    /// `CR_Assign`, the number of the wish that was carried out last.
    var number: Int64 = 0
    var workgroup = ""
    var isHolding = false
    var isWithAgent = false
    /// When it came where it is, or an agent took it or gave it back.
    var since: Int64 = 0
    /// When agents could first be offered it.
    var routable: (at: Int64, source: Source)?
    var ended: (at: Int64, source: Source)?
    /// How long after it was lost CIC recovered it, in microseconds; nil: it is no recovered one.
    var lateness: Int64?

    /// Whether it is none of the product's: a customer's call, or what another program made. What carries no marks of a case
    /// although it was recovered or copied is nobody's that the product could know.
    var isForeign: Bool { !isOurs && (owner == nil || beginning == "created") }

    /// As a person names it: server, workgroup and id.
    var name: String { "\(server)/\(workgroup) (\(id))" }
}

/// What an interaction's attributes say of its origin.
struct InteractionMarks {
    private(set) var owner: CaseKey?
    private(set) var episode: Int64 = 0
    private(set) var attempt = ""
    private(set) var number: Int64 = 0

    init(_ line: LedgerLine, _ places: SitePlaces) throws(LineScanner.Problem) {
        guard let attributes = line.attributes, attributes.kind == .object else { return }
        var org = ""
        var id = ""
        var marks = self
        try LineScanner.fields(of: attributes.bytes) { (key, value) throws(LineScanner.Problem) in
            if key.spells("CR_Org") {
                org = try value.text()
            } else if key.spells("CR_CaseId") {
                id = try value.identifier()
            } else if key.spells("CR_Episode") {
                marks.episode = Int64(try value.text()) ?? 0
            } else if key.spells("CR_AttemptId") {
                marks.attempt = try value.text().lowercased()
            } else if key.spells("CR_Assign") {
                marks.number = Int64(try value.text()) ?? 0
            }
        }
        self = marks
        guard !org.isEmpty, !id.isEmpty else { return }
        if org.utf8.count == 18, org.hasPrefix("00D") { org = String(org.prefix(15)) }
        owner = CaseKey(org: places.org(named: org), id: id)
    }
}
