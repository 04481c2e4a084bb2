import Foundation
import FoundationNetworking

/// What the broker's management API says of its queues.
struct BrokerQueues: Sendable {
    struct Depth: Decodable {
        let name: String
        let messages: Int
    }

    /// Asks once more while the broker has not counted a queue yet, which it does every five seconds.
    private static let limit = Duration.seconds(30)

    private let broker: BrokerServer

    init(_ broker: BrokerServer) { self.broker = broker }

    /// Messages of every queue, ready and in hand together.
    func depths() async throws -> [Depth] {
        let deadline = ContinuousClock.now + Self.limit
        while true {
            do {
                return try JSONDecoder().decode([Depth].self, from: try await get("/api/queues"))
                    .sorted { $0.name < $1.name }
            } catch is DecodingError where ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func get(_ path: String) async throws -> Data {
        guard var parts = URLComponents(string: broker.managementURL + path) else {
            throw RunFailure("the broker's management API has no address")
        }
        let login = Data("\(parts.user ?? ""):\(parts.password ?? "")".utf8).base64EncodedString()
        (parts.user, parts.password) = (nil, nil)
        guard let url = parts.url else { throw RunFailure("the broker's management API has no address") }
        var request = URLRequest(url: url)
        request.setValue("Basic \(login)", forHTTPHeaderField: "Authorization")
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse, response.statusCode == 200 else {
            throw RunFailure("the broker's management API refused \(path)")
        }
        return data
    }
}
