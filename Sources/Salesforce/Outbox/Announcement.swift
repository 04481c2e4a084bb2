import JSON

/// What an event says before it is checked.
struct Announcement: Sendable {
    var replayID: Int64?
    /// Nil when the event cannot be read.
    var row: RoutingRow?
    /// A deleted row says nothing but its id.
    var isDeletion = false
    /// Why there is no row.
    var problem: String?

    init(_ delivery: CometDClient.Delivery, _ table: FieldTable) {
        var event = Announcement()
        do throws(JSONError) {
            try JSONReader.decode(delivery.body.span.extracting(delivery.data)) { reader in
                try reader.object { key, reader in
                    switch key {
                    case "payload" where reader.kind == .object, "sobject" where reader.kind == .object:
                        event.row = try RoutingRow(table, &reader)
                    case "event" where reader.kind == .object: try event.readEvent(&reader)
                    default: break
                    }
                }
            }
        } catch {
            event = Announcement(positionOf: delivery)
            event.problem = "unreadable: \(error)"
        }
        self = event
    }

    /// The row is found by the sweep; what still counts of its event is the position.
    private init(positionOf delivery: CometDClient.Delivery) {
        var event = Announcement()
        do throws(JSONError) {
            try JSONReader.decode(delivery.body.span.extracting(delivery.data)) { reader in
                try reader.object { key, reader in
                    if case "event" = key, reader.kind == .object { try event.readEvent(&reader) }
                }
            }
        } catch {
            event.replayID = nil
        }
        self = event
    }

    private init() {}

    private mutating func readEvent(_ reader: inout JSONReader) throws {
        var replayID: Int64?
        var isDeletion = false
        try reader.object { key, reader in
            switch key {
            // Not by way of a double, which holds no large id exactly.
            case "replayId": replayID = Int64(String(decoding: try reader.rawBytes(), as: UTF8.self))
            case "type" where reader.kind == .string: isDeletion = try reader.string() == "deleted"
            default: break
            }
        }
        self.replayID = replayID
        self.isDeletion = isDeletion
    }
}
