import Foundation
import FoundationNetworking

/// The control API of a simulator, of CIC or of Salesforce.
struct Control: Sendable {
    let port: UInt16

    private struct Found: Decodable {
        struct Interaction: Decodable {
            let interaction: String
            let workgroup: String
        }

        let interactions: [Interaction]
    }

    /// What the server of the pair that is active calls itself.
    func activeServer() async throws -> String {
        struct State: Decodable {
            let server: String
            let active: Int
        }
        let state = try JSONDecoder().decode(State.self, from: try await call("GET", "state"))
        return state.active == 0 ? state.server : "\(state.server)-\(state.active + 1)"
    }

    /// The id of the newest event that an org keeps of a channel.
    func lastReplayID(of channel: String) async throws -> Int? {
        struct State: Decodable {
            struct Stream: Decodable { let lastReplayId: Int? }
            let streams: [String: Stream]
        }
        return try JSONDecoder().decode(State.self, from: try await call("GET", "state")).streams[channel]?.lastReplayId
    }

    /// How many requests the faults have struck since they were cleared last; of CIC only.
    func struck() async throws -> Int {
        struct State: Decodable { let struck: Int }
        return try JSONDecoder().decode(State.self, from: try await call("GET", "state")).struck
    }

    /// Pairs of object and event whose notifications somebody has subscribed to, in small letters.
    func notifications() async throws -> Set<String> {
        struct State: Decodable {
            struct Session: Decodable { let notifications: [String] }
            let sessions: [Session]
        }
        let state = try JSONDecoder().decode(State.self, from: try await call("GET", "state"))
        return Set(state.sessions.flatMap(\.notifications))
    }

    /// A part of the configuration as it is now.
    func configuration<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        try JSONDecoder().decode(type, from: try await call("GET", "configuration"))
    }

    /// The id of a case's live interaction outside the holding workgroup.
    func liveInteraction(of caseID: String, outside holding: String) async throws -> String? {
        let answer = try await call("GET", "interactions?case=\(caseID)")
        let found = try JSONDecoder().decode(Found.self, from: answer)
        return found.interactions.first { $0.workgroup != holding && !$0.workgroup.isEmpty }?.interaction
    }

    /// How many of our live interactions are outside the holding workgroup.
    func liveInteractions(outside holding: String) async throws -> Int {
        let answer = try await call("GET", "interactions?ours=1")
        return try JSONDecoder().decode(Found.self, from: answer).interactions
            .count { $0.workgroup != holding && !$0.workgroup.isEmpty }
    }

    /// `delete`, `copy`, `end`, … as docs/simulators.md lists them.
    func steer(_ interaction: String, _ action: String) async throws {
        _ = try await call("POST", "interactions/\(interaction)/\(action)", body: Data("{}".utf8))
    }

    /// Makes an interaction of somebody else under a given id. False: it is in use.
    func makeForeign(id: String, media: String, workgroup: String) async throws -> Bool {
        let body = try JSONSerialization.data(withJSONObject: ["id": id, "media": media, "workgroup": workgroup])
        return try await answer("POST", "interactions", body: body).status != 409
    }

    /// Ends the oldest interaction on a workgroup that is of no case. False: there is none.
    func endForeign(on workgroup: String) async throws -> Bool {
        let body = try JSONSerialization.data(withJSONObject: ["workgroup": workgroup, "ours": "0"])
        return try await answer("POST", "interactions/end", body: body).status != 404
    }

    /// Sets switches, or asks for something to happen.
    @discardableResult
    func post(_ path: String, _ values: [String: any Sendable] = [:]) async throws -> Data {
        try await call("POST", path, body: JSONSerialization.data(withJSONObject: values))
    }

    func delete(_ path: String) async throws { _ = try await call("DELETE", path) }

    private func call(_ method: String, _ path: String, body: Data? = nil) async throws -> Data {
        let (status, data) = try await answer(method, path, body: body)
        guard (200..<300).contains(status) else {
            throw RunFailure("\(method) \(path) was refused: \(String(decoding: data.prefix(300), as: UTF8.self))")
        }
        return data
    }

    private func answer(_ method: String, _ path: String, body: Data? = nil) async throws -> (status: Int, data: Data) {
        guard let url = URL(string: "http://127.0.0.1:\(port)/control/\(path)") else {
            throw RunFailure("\(path) is no path of the control API")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else {
            throw RunFailure("\(method) \(path) was answered with no HTTP")
        }
        return (response.statusCode, data)
    }
}
