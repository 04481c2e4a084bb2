import Hummingbird

/// The few statistics that follow from what the simulator knows anyway; any other has no value.
extension CICState {
    private static let workgroupType = "ININ.People.WorkgroupStats:Workgroup"

    /// How many of something a workgroup has now. The names are those that published clients ask for.
    private static let counts: [(name: String, display: String, count: @Sendable (CICState, String) -> Int)] = [
        ("InteractionsWaiting", "Interactions Waiting", { $0.count($1) { $0.waits } }),
        ("InteractionsConnected", "Interactions Connected", { $0.count($1) { $0.lives && $0.state == .connected } }),
        ("TotalAgents", "Total Agents", { $0.agents($1).count }),
        ("AgentsLoggedIn", "Agents Logged In", { $0.agents($1).count }),
        ("AgentsLoggedInAndActivated", "Agents Activated", { $0.agents($1).count(where: \.settings.enabled) }),
        ("NotAvailable", "Agents Not Available", { $0.agents($1).count { !$0.isFree } }),
        ("NumberAvailableForACDInteractions", "Agents Available", { $0.agents($1).count(where: \.isFree) }),
    ]

    private func agents(_ workgroup: String) -> [CICAgent] { workgroupAgents[workgroup, default: []] }

    private func count(_ workgroup: String, _ condition: (CICInteraction) -> Bool) -> Int {
        interactions.values.count { $0.workgroup == workgroup && condition($0) }
    }

    // MARK: Requests

    /// `POST …/statistics/statistic-parameter-values/queries`: what can be put in for a parameter.
    func statistics(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        guard request.method == .post, path == ["statistic-parameter-values", "queries"] else {
            throw CICError.notFound
        }
        let names: [String]
        switch try request.requiredString("parameterTypeId") {
        case Self.workgroupType: names = workgroups.keys.sorted()
        case "ININ.People.AgentStats:User": names = userNames.sorted()
        case "ININ.Queue:Interval": names = ["CurrentShift", "CurrentPeriod", "PreviousShift", "PreviousPeriod"]
        default: names = []
        }
        let filter = try request.object()["filter"]?.string?.lowercased() ?? ""
        let found = names.filter { filter.isEmpty || $0.lowercased().contains(filter) }
        return CICAnswer(
            200,
            [
                "totalResultsAvailable": CICJSON(found.count),
                "parameterValues": .array(
                    found.map { ["value": .string($0), "displayString": .string($0), "description": .string($0)] }),
            ])
    }

    // MARK: Subscriptions

    /// `statistics/statistic-catalog` and `statistics/statistic-values`.
    func subscribeStatistics(
        _ request: CICRequest, _ session: CICSession, _ name: String, put: Bool
    ) throws(CICError) -> CICAnswer {
        switch name {
        case "statistic-catalog":
            guard put else { return .done }
            session.post(Self.catalog.bytes, in: self)
            return CICAnswer(200, ["clientStateIsFresh": false])
        case "statistic-values":
            let keys = put ? try request.required("statisticKeys").array : []
            guard let keys, keys.allSatisfy({ $0["statisticIdentifier"]?.string != nil }) else {
                throw CICError.invalid("statisticKeys")
            }
            session.statistics = CICStatisticSubscription(keys: keys)
            if put { postStatistics(session, session.statistics) }
            return .done
        default: throw CICError.notFound
        }
    }

    /// Values that changed since they were told, now and every second until the subscription is replaced.
    private func postStatistics(_ session: CICSession, _ subscription: CICStatisticSubscription) {
        guard session.ended == nil, session.statistics === subscription else { return }
        let first = subscription.told == nil
        let values = subscription.keys.map(statisticValue)
        var changes: [CICJSON] = []
        for (index, key) in subscription.keys.enumerated() where first || subscription.told?[index] != values[index] {
            changes.append(["statisticKey": key, "statisticValue": values[index]])
        }
        subscription.told = values
        if first || !changes.isEmpty {
            let message: CICJSON = [
                "__type": "urn:inin.com:statistics:statisticValueMessage", "isDelta": .bool(!first),
                "statisticValueChanges": .array(changes),
            ]
            session.post(message.bytes, in: self)
        }
        after(1000) { [weak session] state in
            if let session { state.postStatistics(session, subscription) }
        }
    }

    private func statisticValue(_ key: CICJSON) -> CICJSON {
        let identifier = key["statisticIdentifier"]?.string ?? ""
        let parameters = key["parameterValueItems"]?.array ?? []
        let workgroup = parameters.first { $0["parameterTypeId"]?.string == Self.workgroupType }?["value"]?.string
        guard let workgroup, workgroups[workgroup] != nil,
            let statistic = Self.counts.first(where: { "inin.workgroup:\($0.name)" == identifier })
        else { return .null }
        return [
            "__type": "urn:inin.com:statistics:statisticIntValue", "statisticValueType": 0,
            "value": CICJSON(statistic.count(self, workgroup)),
        ]
    }

    private static var catalog: CICJSON {
        let definitions = counts.map { statistic -> CICJSON in
            [
                "statisticIdentifier": .string("inin.workgroup:\(statistic.name)"),
                "displayString": .string(statistic.display), "description": .string(statistic.display),
                "unitsDisplayString": "", "statisticDefinitionFlags": [], "drillDowns": [],
                "requiredParametersDefinitions": [
                    ["orderedParameterTypeList": [.string(workgroupType)], "shouldBeSuppressed": false]
                ],
                "statisticDefinitionData": ["precision": 0, "units": 0, "valueType": 0],
            ]
        }
        return [
            "__type": "urn:inin.com:statistics:statisticCatalogMessage", "isDelta": false,
            "statisticCategoryList": [
                [
                    "statisticCategoryId": "inin.workgroup", "displayString": "Workgroup Statistics",
                    "description": "What the simulator can count.", "statisticDefinitions": .array(definitions),
                    "accessControlRights": [], "licenses": [],
                ]
            ],
            "parameterTypeDefinitions": [
                [
                    "parameterTypeId": .string(workgroupType), "displayString": "Workgroup", "description": "Workgroup",
                    "accessControlLists": [], "preserveOrder": false,
                ]
            ],
        ]
    }
}

/// The statistics that a session watches, and what it was told last.
final class CICStatisticSubscription {
    let keys: [CICJSON]
    var told: [CICJSON]?

    init(keys: [CICJSON]) {
        self.keys = keys
    }
}
