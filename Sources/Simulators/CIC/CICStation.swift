/// Where a session's user sits. The simulator has no telephones: a station is whatever name a client gives, and nothing
/// rings there.
extension CICState {
    /// The number that real servers give as `errorId` of this error; clients recognise it.
    private static let noStation = CICError(400, "-2147221496", "The session is not logged in at a station.")

    /// `/icws/{session}/connection/station`.
    func station(_ request: CICRequest, _ session: CICSession) throws(CICError) -> CICAnswer {
        switch request.method {
        case .get:
            guard let station = session.station else { throw Self.noStation }
            return CICAnswer(200, station)
        case .put:
            setStation(try stationInformation(request), of: session)
            var answer = CICAnswer.done
            answer.headers.append(("Location", "/icws/\(session.id)/connection/station"))
            return answer
        case .delete:
            setStation(nil, of: session)
            return .done
        default: throw CICError.notFound
        }
    }

    /// What is remembered of the settings, by their type; `stationSetting` is the number of the type.
    private func stationInformation(_ request: CICRequest) throws(CICError) -> CICJSON {
        let remote: String
        let number: Int
        switch try request.requiredString("__type").lowercased().split(separator: ":").last {
        case "workstationsettings": return Self.information(try request.requiredString("workstation"), setting: 1)
        case "remoteworkstationsettings": (remote, number) = (try request.requiredString("workstation"), 2)
        case "remotenumbersettings": (remote, number) = (try request.requiredString("remoteNumber"), 3)
        case "stationlesssettings": return Self.information("", setting: 0)
        default: throw CICError.invalid("__type")
        }
        let members = Self.information(remote, setting: number).members ?? []
        let dialled = try request.object()["remoteNumber"]?.string ?? remote
        return .object(members + [(key: "remoteNumber", value: .string(dialled))])
    }

    private static func information(_ id: String, setting: Int) -> CICJSON {
        ["id": .string(id), "extension": .string(id), "stationSetting": CICJSON(setting)]
    }

    private func setStation(_ station: CICJSON?, of session: CICSession) {
        let old = session.station
        guard old != station else { return }
        session.station = station
        let message: CICJSON = [
            "__type": "urn:inin.com:connection:effectiveStationChangeMessage", "isDelta": false,
            "effectiveStation": effectiveStation(of: session.user),
        ]
        for other in sessions.values where other.user == session.user { other.post(message.bytes, in: self) }
        guard session.watchesStation else { return }
        postStation(session, before: old)
    }

    /// `connection/station`: told of every change of the session's own station.
    func subscribeStation(_ session: CICSession, put: Bool) -> CICAnswer {
        session.watchesStation = put
        if put, session.station != nil { postStation(session, before: nil) }
        return .done
    }

    private func postStation(_ session: CICSession, before: CICJSON?) {
        var members: [(key: String, value: CICJSON)] = [
            ("__type", "urn:inin.com:connection:stationConnectionStateChangeMessage"),
            ("isDelta", .bool(before != nil)),
            ("newStationInfo", session.station ?? Self.information("", setting: 0)),
        ]
        if let before { members.append(("previousStationInfo", before)) }
        session.post(CICJSON.object(members).bytes, in: self)
    }

    /// The station at which a user is logged in with any session, as `{stationId}`, else null.
    func effectiveStation(of user: String) -> CICJSON {
        let ids = sessions.values.filter { $0.user == user }.compactMap { $0.station?["id"]?.string }
        guard let id = ids.filter({ !$0.isEmpty }).min() else { return .null }
        return ["stationId": Self.reference("stations", id)]
    }
}
