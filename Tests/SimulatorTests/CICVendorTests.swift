import Foundation
import Simulators
import Testing

/// What published clients of the interface send or read beyond what Case Router does.
@Suite struct CICVendorTests {
    @Test func `a page of another origin may call the site and read the session's ids`() async throws {
        try await CICTestSite.run { site in
            let url = site.server + "/icws/connection"
            let asked = "accept-language,content-type,x-icws-devtools-correlationid"
            let preflight = try await site.send(
                "OPTIONS", url,
                headers: [
                    "Origin": "http://pages.test", "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": asked,
                ])
            #expect(preflight.status == 200)
            #expect(preflight.headers["access-control-allow-headers"] == asked)
            #expect(preflight.headers["access-control-allow-methods"]?.contains("PUT") == true)
            let answer = try await site.send(
                "POST", url, CICTestSite.credentials, headers: ["Origin": "http://pages.test", "Accept-Language": "de"])
            #expect(answer.status == 201)
            #expect(answer.headers["access-control-allow-origin"] == "http://pages.test")
            #expect(answer.headers["access-control-allow-credentials"] == "true")
            let exposed = answer.headers["access-control-expose-headers"] ?? ""
            #expect(exposed.contains("ININ-ICWS-CSRF-Token") && exposed.contains("ININ-ICWS-Session-ID"))
            #expect(try await site.connect().headers["access-control-allow-origin"] == nil)
        }
    }

    @Test func `every session of a user is told at which station it is`() async throws {
        try await CICTestSite.run { site in
            let (phone, other) = (try await site.session(), try await site.session())
            let none = try await phone.call("GET", "/connection/station")
            #expect(none.status == 400 && none.json["errorId"] as? String == "-2147221496")
            #expect(try await phone.call("PUT", "/messaging/subscriptions/connection/station").status == 200)
            let workstation = [
                "__type": "urn:inin.com:connection:workstationSettings", "workstation": "Desk 7",
            ]
            let put = try await phone.call("PUT", "/connection/station", workstation)
            let station = try await phone.call("GET", "/connection/station").json
            #expect(station["id"] as? String == "Desk 7" && station["stationSetting"] as? Int == 1)
            #expect(put.headers["location"] == "/icws/\(phone.id)/connection/station")
            let told = try await other.message { $0["effectiveStation"] != nil }["effectiveStation"] as? [String: Any]
            #expect((told?["stationId"] as? [String: Any])?["id"] as? String == "Desk 7")
            let own = try await phone.message { $0["newStationInfo"] != nil }["newStationInfo"] as? [String: Any]
            #expect(own?["id"] as? String == "Desk 7")
            let third = try await site.send(
                "POST", site.server + "/icws/connection?include=effective-station", CICTestSite.credentials,
                headers: ["Accept-Language": "en-us"])
            let effective = third.json["effectiveStation"] as? [String: Any]
            #expect((effective?["stationId"] as? [String: Any])?["id"] as? String == "Desk 7")
            let status = try await other.call("GET", "/status/user-statuses/caserouter").json
            #expect(status["stations"] as? [String] == ["Desk 7"])
            let number = [
                "__type": "urn:inin.com:connection:remoteNumberSettings", "remoteNumber": "+15550100",
            ]
            #expect(try await phone.call("PUT", "/connection/station", number).status == 200)
            let remote = try await phone.call("GET", "/connection/station").json
            #expect(remote["stationSetting"] as? Int == 3 && remote["remoteNumber"] as? String == "+15550100")
            #expect(try await phone.call("DELETE", "/connection/station").status == 200)
            let left = try await other.message { $0["effectiveStation"] is NSNull }
            #expect(left["__type"] as? String == "urn:inin.com:connection:effectiveStationChangeMessage")
        }
    }

    @Test func `statistics are listed, told at once and again when they change`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let path = "/messaging/subscriptions/statistics"
            let fresh = try await session.call("PUT", path + "/statistic-catalog", [String: String]())
            #expect(fresh.status == 200 && fresh.json["clientStateIsFresh"] as? Bool == false)
            let catalog = try await session.message { $0["statisticCategoryList"] != nil }
            let category = (catalog["statisticCategoryList"] as? [[String: Any]])?.first
            let names = (category?["statisticDefinitions"] as? [[String: Any]])?.compactMap {
                $0["statisticIdentifier"] as? String
            }
            #expect(names?.contains("inin.workgroup:InteractionsWaiting") == true)
            let type = "ININ.People.WorkgroupStats:Workgroup"
            let query = try await session.call(
                "POST", "/statistics/statistic-parameter-values/queries", ["parameterTypeId": type])
            let values = (query.json["parameterValues"] as? [[String: Any]])?.compactMap { $0["value"] as? String }
            #expect(values == ["Holding", "Sales", "Support"])

            let keys = ["InteractionsWaiting", "AverageTalkTime"].map { name -> [String: Any] in
                [
                    "statisticIdentifier": "inin.workgroup:\(name)",
                    "parameterValueItems": [["parameterTypeId": type, "value": "Sales"]],
                ]
            }
            #expect(try await session.call("PUT", path + "/statistic-values", ["statisticKeys": keys]).status == 200)
            let first = try await session.message { $0["statisticValueChanges"] != nil }
            let changes = first["statisticValueChanges"] as? [[String: Any]] ?? []
            #expect(changes.count == 2 && changes.last?["statisticValue"] is NSNull)
            #expect((changes.first?["statisticValue"] as? [String: Any])?["value"] as? Int == 0)
            _ = try await session.create(in: "Sales")
            let second = try await session.message { $0["statisticValueChanges"] != nil }
            let later = second["statisticValueChanges"] as? [[String: Any]] ?? []
            #expect(later.count == 1 && second["isDelta"] as? Bool == true)
            #expect((later.first?["statisticValue"] as? [String: Any])?["value"] as? Int == 1)
            #expect(try await session.call("DELETE", path + "/statistic-values").status == 200)
        }
    }

    @Test func `a workgroup that a client made has a queue until the client deletes it`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let watch = ["configurationIds": ["*"], "properties": ["extension"]]
            let watched = "/messaging/subscriptions/configuration/workgroups/1"
            #expect(try await session.call("PUT", watched, watch).status == 200)
            _ = try await session.poll()
            let body: [String: Any] = [
                "configurationId": ["id": "Made Here", "displayName": "Made Here"], "extension": 8001,
                "members": NSNull(),
            ]
            let made = try await session.call("POST", "/configuration/workgroups", body)
            #expect(made.status == 201 && made.json["id"] as? String == "Made Here")
            #expect(try await session.call("POST", "/configuration/workgroups", body).status == 400)
            let message = try await session.message { $0["added"] != nil }
            #expect((message["added"] as? [[String: Any]])?.first?["extension"] as? Int == 8001)
            #expect((message["changed"] as? [Any])?.isEmpty == true && (message["removed"] as? [Any])?.isEmpty == true)
            _ = try await session.create(in: "Made Here")
            let one = "/configuration/workgroups/Made%20Here"
            #expect(try await session.call("PUT", one, ["isActive": false, "extension": 8002]).status == 200)
            let read = try await session.call("GET", one + "?select=extension,isActive").json
            #expect(read["extension"] as? Int == 8002 && read["isActive"] as? Bool == false)
            #expect(try await session.call("POST", "/interactions", CICTestSession.generic("Made Here")).status == 400)
            #expect(try await session.call("DELETE", one).status == 200)
            #expect(try await session.call("GET", one).status == 404)
            #expect(try await session.call("GET", "/configuration/defaults/workgroup").json["hasQueue"] != nil)
            #expect(try await session.call("POST", "/configuration/schedules", body).status == 404)
        }
    }

    @Test func `a user that a client made can log in once it has a password`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let body = ["configurationId": ["id": "new.user"]]
            #expect(try await session.call("POST", "/configuration/users", body).status == 201)
            var credentials = CICTestSite.credentials
            credentials["userID"] = "new.user"
            credentials["password"] = ""
            let refused = try await site.connect(credentials)
            #expect(refused.status == 400 && refused.json["errorCode"] as? Int == -2_147_221_503)
            credentials["password"] = "first"
            let password: [String: Any] = ["password": "first", "force": "false"]
            let set = try await session.call("PUT", "/configuration/users/new.user/password", password)
            #expect(set.status == 200)
            #expect(try await site.connect(credentials).status == 201)
            #expect(try await session.call("GET", "/activations/users/new.user").json["activations"] is [String: Any])
            let roles = try await session.call("GET", "/configuration/users/new.user?select=roles").json["roles"]
            #expect(((roles as? [String: Any])?["effectiveValue"] as? [[String: Any]])?.count == 1)
        }
    }

    @Test func `licences are acquired, replaced, watched and given back`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let list = ["licenseList": ["I3_ACCESS_CLIENT"]]
            for method in ["POST", "PUT"] {
                let results = try await session.call(method, "/licenses", list).json["licenseOperationResultList"]
                // 2 is "available"; a client that compares takes 1 for "none".
                #expect((results as? [[String: Any]])?.first?["licenseStatus"] as? Int == 2)
            }
            #expect(try await session.call("PUT", "/messaging/subscriptions/licenses", list).status == 200)
            let message = try await session.message { $0["licenseAssignedStatusList"] != nil }
            let first = (message["licenseAssignedStatusList"] as? [[String: Any]])?.first
            #expect(first?["isAssigned"] as? Bool == true)
            #expect(try await session.call("DELETE", "/licenses").status == 200)
        }
    }

    @Test func `what a status does not have is left out of it`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let status = try await session.call("GET", "/status/user-statuses/caserouter").json
            #expect(status["until"] == nil && status["notes"] == nil && status["onPhoneChanged"] is String)
            let put = ["statusId": "At Lunch", "notes": "back at one"]
            #expect(try await session.call("PUT", "/status/user-statuses/caserouter", put).status == 202)
            let changed = try await session.call("GET", "/status/user-statuses/caserouter").json
            #expect(changed["notes"] as? String == "back at one")
            let alerts = "/messaging/subscriptions/alerts/alert-catalog"
            #expect(try await session.call("PUT", alerts, ["alertSetCategories": [2]]).status == 200)
            let catalog = try await session.message { $0["alertSetsAdded"] != nil }
            #expect((catalog["alertSetsAdded"] as? [Any])?.isEmpty == true)
        }
    }
}
