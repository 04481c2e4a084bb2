# A Bayeux server that nobody here wrote: faye behind thin. What Salesforce adds, replay, is a small extension.
#
# thin --rackup faye.ru --address 127.0.0.1 --port PORT start
require 'faye'
require 'json'
require 'rack'

Faye::WebSocket.load_adapter('thin')

# Offers replay in the handshake and refuses one position, as Salesforce does.
class Replay
  REFUSED = 82

  def incoming(message, callback)
    position = ((message['ext'] || {})['replay'] || {}).values.first if message['channel'] == '/meta/subscribe'
    if position == REFUSED
      message['error'] = "400::The replayId {#{position}} you provided was invalid.  Please provide a valid ID, " \
                         '-2 to replay all events, or -1 to replay only new events.'
    end
    callback.call(message)
  end

  def outgoing(message, callback)
    message['ext'] = { 'replay' => true } if message['channel'] == '/meta/handshake'
    callback.call(message)
  end
end

faye = Faye::RackAdapter.new(mount: '/cometd/62.0', timeout: 2)
faye.add_extension(Replay.new)

# Logging in, and publishing by POST /publish, which is how an event happens here.
application = lambda do |environment|
  request = Rack::Request.new(environment)
  origin = "http://#{environment['HTTP_HOST']}"
  case request.path
  when '/services/oauth2/token'
    grant = { access_token: '00Dtoken', instance_url: origin,
              id: "#{origin}/id/00D000000000001EAA/005000000000001AAA", token_type: 'Bearer' }
    [200, { 'Content-Type' => 'application/json' }, [JSON.generate(grant)]]
  when '/publish'
    message = JSON.parse(request.body.read)
    faye.get_client.publish(message['channel'], message['data'])
    [200, {}, ['']]
  else
    faye.call(environment)
  end
end

run application
