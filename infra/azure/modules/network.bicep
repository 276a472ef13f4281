// The network of the nodes, and the address at which people reach the gateway. Pods are not in it: their addresses are an
// overlay's, so that a node costs one address here.
param name string
param location string
param tags object
param zones string[]

// AKS makes a group with its own rules on the nodes' network cards; both must let a packet pass.
resource rules 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${name}-nodes'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'gateway'
        properties: {
          description: 'HTTP, which leads to HTTPS, and HTTPS to the gateway. Everything else from outside is refused by default.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRanges: ['80', '443']
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: ['10.40.0.0/16']
    }
    subnets: [
      {
        name: 'nodes'
        properties: {
          addressPrefix: '10.40.0.0/22' // 1019 addresses; an upgrade wants some to spare
          networkSecurityGroup: {
            id: rules.id
          }
          serviceEndpoints: [
            {
              service: 'Microsoft.KeyVault' // the vault knows the nodes by it
            }
          ]
        }
      }
    ]
  }

  resource nodes 'subnets' existing = {
    name: 'nodes'
  }
}

// It outlives the gateway's Service, so DNS may point to it. k8s/aks names it to the load balancer.
resource address 'Microsoft.Network/publicIPAddresses@2025-05-01' = {
  name: '${name}-gateway'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  zones: zones
  properties: {
    publicIPAllocationMethod: 'Static'
    dnsSettings: {
      domainNameLabel: '${name}-${take(uniqueString(resourceGroup().id), 8)}'
    }
  }
}

output nodesSubnetId string = network::nodes.id
output addressName string = address.name
output addressIp string = address.properties.ipAddress
output addressHost string = address.properties.dnsSettings.fqdn
