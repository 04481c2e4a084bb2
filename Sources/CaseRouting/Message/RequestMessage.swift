import JSON

/// What travels over `caserouter.requests`: CloudEvents 1.0 in structured mode, JSON.
///
/// Everything needed is in the body, because queue tools drop properties and headers. `docs/request-message.md` and
/// `docs/request.schema.json` describe it for those who write such messages. Unknown members are ignored; an unknown
/// major version is refused.
public enum RequestMessage: Equatable, Sendable {
    case change(CaseChange)
    case retry(RetryHandle)

    /// Longest body, in bytes.
    public static let maximumLength = 256 * 1024
    /// Deepest nesting of a body.
    public static let maximumDepth = 32

    private static let limits = JSONLimits(
        maximumBytes: maximumLength, maximumDepth: maximumDepth, maximumStringBytes: 64 * 1024)
    private static let sourcePrefix = "/orgs/"
    private static let changePrefix = "caserouter.case."
    private static let retryType = "caserouter.retry.v1"

    // MARK: Reading

    /// - Throws: `UnreadableMessage`, with a reason that names what is wrong and repeats nothing of the content.
    public init(_ body: [UInt8]) throws(UnreadableMessage) {
        let envelope: Envelope
        do throws(JSONError) {
            envelope = try JSONReader.decode(body.span, limits: Self.limits) { try Envelope(&$0) }
        } catch {
            if case .rejected(let inner as UnreadableMessage) = error.problem { throw inner }
            throw UnreadableMessage("not a readable CloudEvents message: \(error)")
        }
        self = try envelope.message()
    }

    /// The members of both types, before anybody knows which it is.
    private struct Envelope {
        var specversion = ""
        var id = ""
        var source = ""
        var type = ""
        var subject = ""
        var time: String?
        var data = Data()

        struct Data {
            var version: Int?
            var versionEpoch = 1
            var caseNumber = ""
            var owner: String?
            var previousOwner: String?
            var isClosed = false
            var skills = ""
            var priority = ""
            var actor: String?
            var row: String?
            var comparedWith: Int?
            var comparedVersion: Int?
            var isAsked = false
            var failure: Int?
        }

        init(_ reader: inout JSONReader) throws {
            var seen: (specversion: String?, id: String?, source: String?, type: String?, subject: String?)
            var time: String?
            var data: Data?
            try reader.object { key, reader in
                switch key {
                case "specversion": seen.specversion = try reader.string()
                case "id": seen.id = try reader.string()
                case "source": seen.source = try reader.string()
                case "type": seen.type = try reader.string()
                case "subject": seen.subject = try reader.string()
                case "time": time = try reader.string()
                case "data": data = try Self.data(&reader)
                default: break
                }
            }
            specversion = try reader.required(seen.specversion, "specversion")
            id = try reader.required(seen.id, "id")
            source = try reader.required(seen.source, "source")
            type = try reader.required(seen.type, "type")
            subject = try reader.required(seen.subject, "subject")
            self.time = time
            self.data = try reader.required(data, "data")
        }

        private static func data(_ reader: inout JSONReader) throws -> Data {
            var data = Data()
            try reader.object { key, reader in
                switch key {
                case "version": data.version = try reader.int()
                case "versionEpoch": data.versionEpoch = try reader.int()
                case "caseNumber": data.caseNumber = try reader.string()
                case "owner": data.owner = try reader.string()
                case "previousOwner": data.previousOwner = try reader.optionalString()
                case "closed": data.isClosed = try reader.bool()
                case "skills": data.skills = try reader.string()
                case "priority": data.priority = try reader.string()
                case "actor": data.actor = try reader.optionalString()
                case "row": data.row = try reader.optionalString()
                case "comparedWith": data.comparedWith = try reader.int()
                case "comparedVersion": data.comparedVersion = try reader.int()
                case "asked": data.isAsked = try reader.bool()
                case "failure": data.failure = try reader.int()
                default: break
                }
            }
            return data
        }

        func message() throws(UnreadableMessage) -> RequestMessage {
            guard specversion == "1.0" else { throw UnreadableMessage("member specversion is not 1.0") }
            guard source.hasPrefix(sourcePrefix), source.utf8.count <= 80, !source.utf8.contains(0) else {
                throw UnreadableMessage("member source is not /orgs/NAME")
            }
            let key = CaseKey(
                org: String(source.dropFirst(sourcePrefix.count)), caseID: try Self.recordID(subject, "subject"))
            if type == retryType {
                guard let number = data.failure, let number = Int32(exactly: number), number > 0 else {
                    throw UnreadableMessage("member data.failure is missing or not a failure number")
                }
                return .retry(RetryHandle(caseKey: key, failureNumber: number))
            }
            return .change(try change(of: key))
        }

        private func change(of key: CaseKey) throws(UnreadableMessage) -> CaseChange {
            guard type.hasPrefix(changePrefix), let dot = type.lastIndex(of: ".") else {
                throw UnreadableMessage("member type is none that this version knows")
            }
            guard type[dot...] == ".v1" else {
                throw UnreadableMessage("member type names a version that this worker does not know; it knows v1")
            }
            guard let kind = ChangeKind(rawValue: String(type[..<dot].dropFirst(changePrefix.count))) else {
                throw UnreadableMessage("member type names a change that this version does not know")
            }
            guard !id.isEmpty, id.utf8.count <= CaseChange.maximumKeyLength else {
                throw UnreadableMessage("member id is empty or longer than \(CaseChange.maximumKeyLength) bytes")
            }
            guard let time, let occurredAt = Timestamp(time) else {
                throw UnreadableMessage("member time is missing or not an RFC 3339 time")
            }
            guard let version = data.version, version >= 0, let epoch = Int32(exactly: data.versionEpoch) else {
                throw UnreadableMessage("member data.version is missing or negative")
            }
            guard let owner = data.owner else { throw UnreadableMessage("member data.owner is missing") }
            guard data.skills.utf8.count <= CaseChange.maximumSkillsLength,
                data.priority.utf8.count <= CaseChange.maximumPriorityLength,
                data.caseNumber.utf8.count <= CaseChange.maximumNumberLength
            else { throw UnreadableMessage("a member of data is longer than Salesforce's field") }
            // PostgreSQL's text cannot hold it, and nothing that Salesforce stores does.
            guard ![id, data.skills, data.priority, data.caseNumber].contains(where: { $0.utf8.contains(0) }) else {
                throw UnreadableMessage("a member holds the character NUL")
            }
            guard kind != .observed || data.comparedWith != nil else {
                throw UnreadableMessage("member data.comparedWith is missing")
            }
            return CaseChange(
                key: id, org: key.org, caseID: key.caseID, kind: kind, version: Int64(version), versionEpoch: epoch,
                occurredAt: occurredAt, caseNumber: data.caseNumber, owner: try Self.recordID(owner, "data.owner"),
                previousOwner: try Self.optionalID(data.previousOwner, "data.previousOwner"), isClosed: data.isClosed,
                skills: data.skills, priority: data.priority, actor: try Self.optionalID(data.actor, "data.actor"),
                row: try Self.optionalID(data.row, "data.row"), comparedWith: data.comparedWith.map(Int64.init),
                comparedVersion: data.comparedVersion.map(Int64.init),
                isAsked: data.isAsked)
        }

        private static func recordID(_ text: String, _ name: String) throws(UnreadableMessage) -> RecordID {
            do throws(InvalidRecordID) {
                return try RecordID(text)
            } catch {
                throw UnreadableMessage("member \(name) is \(error)")
            }
        }

        private static func optionalID(_ text: String?, _ name: String) throws(UnreadableMessage) -> RecordID? {
            guard let text, !text.isEmpty else { return nil }
            return try recordID(text, name)
        }
    }

    // MARK: Writing

    /// The body of a request.
    public static func encode(_ change: CaseChange) -> [UInt8] {
        JSONWriter.object(capacity: 512) { event in
            event.write("specversion", "1.0")
            event.write("id", change.key)
            event.write("source", sourcePrefix + change.org)
            event.write("type", "\(changePrefix)\(change.kind.rawValue).v1")
            event.write("subject", change.caseID.description)
            event.write("time", change.occurredAt.description)
            event.write("datacontenttype", "application/json")
            event.object("data") { data in
                data.write("version", Int(change.version))
                if change.versionEpoch != 1 { data.write("versionEpoch", Int(change.versionEpoch)) }
                data.write("caseNumber", change.caseNumber)
                data.write("owner", change.owner.description)
                data.write("previousOwner", ifPresent: change.previousOwner?.description)
                if change.isClosed { data.write("closed", true) }
                data.write("skills", change.skills)
                data.write("priority", change.priority)
                data.write("actor", ifPresent: change.actor?.description)
                data.write("row", ifPresent: change.row?.description)
                data.write("comparedWith", ifPresent: change.comparedWith.map(Int.init))
                data.write("comparedVersion", ifPresent: change.comparedVersion.map(Int.init))
                if change.isAsked { data.write("asked", true) }
            }
        }
    }

    /// The body of a handle; cause and time are for human eyes.
    public static func encode(_ handle: RetryHandle, cause: FailureCause, failedAt: Timestamp) -> [UInt8] {
        JSONWriter.object { event in
            event.write("specversion", "1.0")
            event.write("id", "\(handle.caseKey.caseID):\(handle.failureNumber)")
            event.write("source", sourcePrefix + handle.caseKey.org)
            event.write("type", retryType)
            event.write("subject", handle.caseKey.caseID.description)
            event.write("time", failedAt.description)
            event.write("datacontenttype", "application/json")
            event.object("data") { data in
                data.write("failure", Int(handle.failureNumber))
                data.write("cause", cause.rawValue)
            }
        }
    }
}

/// A message that no worker can use, and why. The reason is shown to people and stored.
public struct UnreadableMessage: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ reason: String) { description = reason }

    /// Readable, but of an org that nobody has set up here. Once somebody has, housekeeping takes the message in.
    static let unknownOrg = UnreadableMessage("member source names an org that is not set up here")
}
