// The registry of the images, their signatures and attestations. Standard is enough: Premium adds private endpoints, other
// regions and retention rules.
param name string
param location string
param tags object
param workspaceId string

@description('Identities that pull: the nodes, and the workflow\'s job that deploys, which checks signatures.')
param pullers string[]

@description('Identities that push: the workflow\'s job that publishes.')
param pushers string[]

var acrPull = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')
var acrPush = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '8311e382-0749-4cb8-b61a-304f252e45ec')

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: 'Enabled'
  }
}

resource pullerIdentities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for puller in pullers: {
    name: puller
  }
]

resource pusherIdentities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for pusher in pushers: {
    name: pusher
  }
]

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (puller, i) in pullers: {
    scope: registry
    name: guid(registry.id, puller, acrPull)
    properties: {
      principalId: pullerIdentities[i].properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: acrPull
    }
  }
]

resource push 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (pusher, i) in pushers: {
    scope: registry
    name: guid(registry.id, pusher, acrPush)
    properties: {
      principalId: pusherIdentities[i].properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: acrPush
    }
  }
]

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'ContainerRegistryLoginEvents'
        enabled: true
      }
      {
        category: 'ContainerRegistryRepositoryEvents'
        enabled: true
      }
    ]
  }
}

output loginServer string = registry.properties.loginServer
