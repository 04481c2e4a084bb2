import Hummingbird

/// Something a session has not read yet.
enum CICPending {
    case message([UInt8])
    case delta(CICQueueDelta)

    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .message(let message): bytes.append(contentsOf: message)
        case .delta(let delta): delta.encode(into: &bytes, isDelta: true)
        }
    }
}

/// One event stream: the session and the number of its reader.
struct CICEventStream: Sendable {
    let session: String
    let reader: Int
    let wakes: AsyncStream<Void>
}

/// A watch on one interaction.
final class CICInteractionWatch {
    unowned let session: CICSession
    let interaction: CICInteraction
    let columns: CICColumns

    init(session: CICSession, interaction: CICInteraction, columns: CICColumns) {
        self.session = session
        self.interaction = interaction
        self.columns = columns
    }

    func message(isDelta: Bool, _ attributes: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.add("{\"__type\":\"urn:inin.com:interactions:interactionChangedMessage\",\"isDelta\":")
        bytes.add(bool: isDelta)
        bytes.add(",\"interactionID\":")
        bytes.add(string: interaction.id)
        bytes.add(",\"attributes\":")
        bytes.append(contentsOf: attributes)
        bytes.add("}")
        return bytes
    }
}

extension CICSession {
    func post(_ message: [UInt8], in state: CICState) {
        pending.append(.message(message))
        state.wake(self)
    }
}

extension CICState {
    func wake(_ session: CICSession) {
        if session.reader != nil { woken.append(session) }
    }

    /// Short polling, or the start of an event stream. Reading removes.
    func readMessages(_ request: CICRequest, _ session: CICSession) -> CICAnswer {
        let wantsStream = request.headers[.accept]?.contains("text/event-stream") == true
        if wantsStream, configuration.features["messaging", default: 0] >= 2 {
            // A newer reader takes over: the older connection is usually one that its client has given up.
            session.reader?.finish()
            let (wakes, reader) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            session.reader = reader
            session.readerNumber += 1
            session.lastWrite = now
            reader.yield()
            var answer = CICAnswer(200)
            answer.stream = CICEventStream(session: session.id, reader: session.readerNumber, wakes: wakes)
            return answer
        }
        var bytes: [UInt8] = []
        bytes.add("[")
        for (index, pending) in session.pending.enumerated() {
            if index > 0 { bytes.add(",") }
            pending.encode(into: &bytes)
        }
        bytes.add("]")
        session.pending = []
        return CICAnswer(200, bytes: bytes)
    }

    enum Events: Sendable {
        case bytes([UInt8])
        /// What was read is lost with the connection.
        case cut
        case over
    }

    /// What an event stream writes next.
    func takeEvents(_ stream: CICEventStream) -> Events {
        guard let session = sessions[stream.session], session.readerNumber == stream.reader else { return .over }
        var bytes: [UInt8] = []
        if session.pingDue || session.lastRead == nil { bytes.add(":ping\n\n") }
        session.pingDue = false
        session.lastRead = now
        for pending in session.pending {
            bytes.add("data: ")
            pending.encode(into: &bytes)
            bytes.add("\n\n")
        }
        if !session.pending.isEmpty, takeFault("messages", .after)?.effect == .cut {
            session.pending = []
            return .cut
        }
        session.pending = []
        if !bytes.isEmpty { session.lastWrite = now }
        return .bytes(bytes)
    }

    /// The reader's connection is gone.
    func closeReader(_ stream: CICEventStream) {
        guard let session = sessions[stream.session], session.readerNumber == stream.reader else { return }
        session.reader = nil
        session.lastRead = nil
        session.lastUsed = now
    }

    // MARK: Subscriptions to things other than queues

    /// `…/messaging/subscriptions/…`; `path` is what follows.
    func subscription(_ request: CICRequest, _ session: CICSession, _ path: [String]) throws(CICError) -> CICAnswer {
        let put = request.method == .put
        guard put || request.method == .delete else { throw CICError.notFound }
        switch (path.first, path.count) {
        case ("queues", 2):
            if put { return try subscribeQueues(request, session, id: path[1]) }
            unsubscribeQueues(session, id: path[1])
            return .done
        case ("interactions", 2):
            if put { return try watchInteraction(request, session, id: path[1]) }
            session.interactionWatches.removeValue(forKey: path[1]).map(forget)
            return CICAnswer(204)
        case ("system", 2) where path[1] == "handler-sent-notifications":
            session.notifications = put ? try notificationKeys(request) : []
            return CICAnswer(204)
        case ("configuration", 3):
            return try subscribeConfiguration(request, session, kind: path[1], id: path[2], put: put)
        case ("licenses", 1): return try subscribeLicenses(request, session, put: put)
        case ("statistics", 2): return try subscribeStatistics(request, session, path[1], put: put)
        case ("alerts", 2): return try subscribeAlerts(session, path[1], put: put)
        case ("connection", 2) where path[1] == "station": return subscribeStation(session, put: put)
        case ("status", 2), ("session", 2), ("activations", 3):
            return try subscribeStatus(request, session, path, put: put)
        default: throw CICError.notFound
        }
    }

    /// There are no alerts: the catalogue is empty, and nobody is ever notified.
    private func subscribeAlerts(_ session: CICSession, _ name: String, put: Bool) throws(CICError) -> CICAnswer {
        guard ["alert-catalog", "alert-notifications"].contains(name) else { throw CICError.notFound }
        if put, name == "alert-catalog" {
            let message: CICJSON = [
                "__type": "urn:inin.com:alerts:alertCatalogChangedMessage", "isDelta": false, "alertSetsAdded": [],
                "alertSetsChanged": [], "alertSetsRemoved": [],
            ]
            session.post(message.bytes, in: self)
        }
        return .done
    }

    private func notificationKeys(_ request: CICRequest) throws(CICError) -> Set<String> {
        guard let headers = try request.required("headers").array else { throw CICError.invalid("headers") }
        var keys: Set<String> = []
        for header in headers {
            guard let object = header["objectId"]?.string, let events = header["eventIds"]?.strings, !events.isEmpty
            else { throw CICError.invalid("headers") }
            for event in events { keys.insert("\(object)/\(event)".lowercased()) }
        }
        return keys
    }

    private func watchInteraction(
        _ request: CICRequest, _ session: CICSession, id: String
    ) throws(CICError) -> CICAnswer {
        let interaction = try readable(id)
        guard let names = try request.required("attributeNames").strings, !names.isEmpty else {
            throw CICError.invalid("attributeNames")
        }
        session.interactionWatches.removeValue(forKey: id).map(forget)
        let columns = CICColumns(names, &attributeNames, keys: attributeKeys)
        let watch = CICInteractionWatch(session: session, interaction: interaction, columns: columns)
        session.interactionWatches[id] = watch
        interaction.watches.append(watch)
        session.post(watch.message(isDelta: false, columns.encoded(interaction) ?? Array("{}".utf8)), in: self)
        return CICAnswer(204)
    }

    func forget(_ watch: CICInteractionWatch) {
        watch.interaction.watches.removeAll { $0 === watch }
    }
}
