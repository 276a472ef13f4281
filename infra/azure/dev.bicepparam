using 'main.bicep'

param environment = 'dev'
param location = 'westeurope'
param repository = 'codingflow/rating'
param tier = 'Free'
param systemNodes = { size: 'Standard_D2ds_v5', least: 1, most: 3 }
param userNodes = { size: 'Standard_D2ds_v5', least: 1, most: 2 }
param logQuotaGB = 1

// Of your own Entra tenant: `az ad group show --group NAME --query id`.
param administratorGroups = ['00000000-0000-0000-0000-000000000000']
param vaultAdministratorGroup = '00000000-0000-0000-0000-000000000000'
