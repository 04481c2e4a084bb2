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

    /// Sets switches, or asks for something to happen.
    @discardableResult
    func post(_ path: String, _ values: [String: any Sendable] = [:]) async throws -> Data {
        try await call("POST", path, body: JSONSerialization.data(withJSONObject: values))
    }

    func delete(_ path: String) async throws { _ = try await call("DELETE", path) }

    private func call(_ method: String, _ path: String, body: Data? = nil) async throws -> Data {
        guard let url = URL(string: "http://127.0.0.1:\(port)/control/\(path)") else {
            throw RunFailure("\(path) is no path of the control API")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse, (200..<300).contains(response.statusCode) else {
            throw RunFailure("\(method) \(url.path) was refused: \(String(decoding: data.prefix(300), as: UTF8.self))")
        }
        return data
    }
}
