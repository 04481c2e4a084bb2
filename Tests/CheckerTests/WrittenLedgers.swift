import Checker
import Foundation

/// Two small ledgers written by hand: a Salesforce and a CIC one, in one folder that goes with the test.
///
/// Times are whole seconds after 09:00:00; each call writes one line.
final class WrittenLedgers {
    static let org = "00D000000000001EAA"
    static let support = "00G000000000001EAA"
    static let sales = "00G000000000002EAA"
    /// Mapped to the own queue of a CIC user.
    static let direct = "00G000000000003EAA"
    static let unmonitored = "00G000000000009EAA"
    static let user = "005000000000001EAA"
    /// Has an own queue for what comes in about her cases.
    static let anna = "005000000000002EAA"
    static let customer = "005000000000099EAA"
    static let one = "500000000000001EAA"

    static let site = Site(
        orgs: [
            .init(
                id: org, name: "acme",
                queues: [
                    support: .init(server: "cic-east", workgroup: "Support"),
                    sales: .init(server: "cic-west", workgroup: "Sales"),
                    direct: .init(server: "cic-east", workgroup: "user:bert"),
                ], users: [anna: .init(server: "cic-east", workgroup: "user:anna")])
        ],
        holding: ["cic-east": ["Case Holding"], "cic-west": ["Case Holding"]],
        recoveryWait: ["cic-east": 60])

    let folder: URL
    /// What the checker is told; a test may say more.
    var site = WrittenLedgers.site
    private var salesforce: [String] = []
    private var cic: [String: [String]] = [:]
    private var rows = 0

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "checker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        // A folder that stays behind in the temporary directory harms nobody.
        try? FileManager.default.removeItem(at: folder)
    }

    func changed(
        _ change: String, at: Double, owner: String = support, closed: Bool = false, deleted: Bool = false,
        case id: String = one, marked: Bool = true, markedAfter: Double = 0, rowless: Bool = false
    ) {
        write(
            at, "case",
            #""org":"\#(Self.org)","case":"\#(id)","number":"0000\#(id.dropFirst(12).prefix(3))","change":"\#(change)","#
                + #""owner":"\#(owner)","closed":\#(closed),"deleted":\#(deleted),"skills":"a \"b\" {","actor":null"#
                + (rowless ? #","rowless":true"# : ""))
        if rowless { return }
        row(change, at: at, case: id, marked: marked, markedAfter: markedAfter)
    }

    func commented(
        at: Double, by: String = customer, published: Bool = true, case id: String = one, markedAfter: Double = 0,
        rowless: Bool = false
    ) {
        write(
            at, "comment",
            #""org":"\#(Self.org)","case":"\#(id)","id":"00a1","by":"\#(by)","published":\#(published)"#
                + (rowless ? #","rowless":true"# : ""))
        if rowless { return }
        row("comment", at: at, case: id, marked: true, markedAfter: markedAfter)
    }

    func emailed(at: Double, incoming: Bool, status: String? = nil, case id: String = one) {
        let status = status.map { #","status":"\#($0)""# } ?? ""
        write(at, "email", #""org":"\#(Self.org)","case":"\#(id)","id":"02s1","incoming":\#(incoming)\#(status)"#)
    }

    /// - Parameters:
    ///   - attempt: `CR_AttemptId`; without one the interaction has none, nor a number.
    ///   - number: `CR_Assign`.
    ///   - workgroup: `user:NAME` for the own queue of a user, who has it there.
    func interaction(
        _ id: String, _ event: String, at: Double, on workgroup: String = "Support", server: String = "cic-east",
        state: String = "A", by: String = "api", org: String = "acme", case caseID: String = one,
        attempt: String? = nil, number: Int = 0, episode: Int = 1, agent: String? = nil
    ) {
        let marks = attempt.map { #","CR_AttemptId":"\#($0)","CR_Assign":"\#(number)""# } ?? ""
        let own = workgroup.hasPrefix("user:") ? workgroup.dropFirst(5) : nil
        let line =
            #""server":"\#(server)","interaction":"\#(id)","event":"\#(event)","queueType":\#(own == nil ? 2 : 1),"queue":"#
            + #""\#(own ?? workgroup[...])","state":"\#(state)","agent":\#((own.map(String.init) ?? agent).map { "\"\($0)\"" } ?? "null"),"by":"\#(by)","#
            + #""attributes":{"CR_Org":"\#(org)","CR_CaseId":"\#(caseID)","CR_Episode":"\#(episode)"\#(marks)}"#
        let n = (cic[server]?.count ?? 0) + 1
        cic[server, default: []].append(Self.line(n, at, "interaction", line))
    }

    /// Of somebody else: it carries nothing that names a case.
    func foreign(
        _ id: String, _ event: String, at: Double, on workgroup: String = "Support", state: String = "O",
        by: String, server: String = "cic-east"
    ) {
        let line =
            #""server":"\#(server)","interaction":"\#(id)","event":"\#(event)","queueType":2,"queue":"\#(workgroup)","#
            + #""state":"\#(state)","agent":null,"by":"\#(by)","attributes":{"Eic_RemoteName":"Foreign"}"#
        let n = (cic[server]?.count ?? 0) + 1
        cic[server, default: []].append(Self.line(n, at, "interaction", line))
    }

    /// - Parameter event: which servers of a pair answer, `both` or `one`.
    func pair(_ event: String, at: Double, server: String = "cic-east") {
        let n = (cic[server]?.count ?? 0) + 1
        cic[server, default: []].append(
            Self.line(n, at, "pair", #""server":"\#(server)","event":"\#(event)""#))
    }

    /// A line as it stands, in the Salesforce ledger.
    func raw(_ line: String) { salesforce.append(line) }

    func verdict() throws -> Verdict {
        let files = try writeFiles()
        return try Verdict(site: site, salesforce: [files.salesforce], cic: files.cic)
    }

    func follower() throws -> RunFollower {
        let files = try writeFiles()
        return try RunFollower(site: site, salesforce: [files.salesforce], cic: files.cic)
    }

    /// Cases that wait where the ledgers end.
    func waiting() throws -> Set<String> { Set(try waits().keys) }

    func waits() throws -> [String: ServiceFollower.Wait] {
        let files = try writeFiles()
        return try ServiceFollower(site: site, salesforce: [files.salesforce], cic: files.cic).look()
    }

    /// Writes the ledgers, each file in place, as a simulator appends to its own.
    @discardableResult func writeFiles() throws -> (salesforce: String, cic: [String]) {
        let salesforcePath = folder.appending(path: "salesforce.ndjson").path
        try write(salesforce, to: salesforcePath)
        let cicPaths = try cic.sorted(by: { $0.key < $1.key }).map { server, lines in
            let path = folder.appending(path: "\(server).ndjson").path
            try write(lines, to: path)
            return path
        }
        return (salesforcePath, cicPaths)
    }

    private func write(_ lines: [String], to path: String) throws {
        try lines.map { $0 + "\n" }.joined().write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// The id of the row that was written last.
    var lastRow: String { "a0X00000000" + String(format: "%04d", rows) + "AAA" }

    /// The event of the row that was written last.
    func announced(at: Double, replay: Int) {
        write(
            at, "event",
            #""org":"\#(Self.org)","channel":"/event/Routing_Request__e","replayId":\#(replay),"row":"\#(lastRow)""#)
    }

    func row(_ change: String, at: Double, case id: String = one, marked: Bool, markedAfter: Double = 0) {
        rows += 1
        let row = lastRow
        write(
            at, "row",
            #""org":"\#(Self.org)","row":"\#(row)","case":"\#(id)","change":"\#(change)","sequence":\#(rows),"status":"New""#
        )
        if marked {
            write(at + markedAfter, "row-status", #""org":"\#(Self.org)","row":"\#(row)","status":"Processed""#)
        }
    }

    private func write(_ at: Double, _ kind: String, _ fields: String) {
        salesforce.append(Self.line(salesforce.count + 1, at, kind, fields))
    }

    private static func line(_ n: Int, _ at: Double, _ kind: String, _ fields: String) -> String {
        #"{"at":\#(32_400_000_000 + Int64(at * 1_000_000)),"kind":"\#(kind)","n":\#(n),\#(fields)}"#
    }
}
